"""Why a request was admitted or refused, what helps, and what it was charged in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.models import Workspace
from accounts.tests.factories import Person, person
from billing import subscriptions
from config.tests.product import Product
from conftest import Run
from quotas import grants, metering
from quotas.decisions import Story, Work
from quotas.errors import QuotaExceeded
from quotas.grants import Gift
from quotas.metering import Ask
from quotas.models import Basis, Decision, Grant, Reservation
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import hold, request_id, spend, with_own_limits

PATH = "/api/v1/quotas/decisions"
BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 7, 13, 12, tzinfo=UTC)


def limit(policy: str = "tokens-day", *, hold: int = 10, **more: Any) -> dict[str, Any]:
    """Of 100, all used."""
    meter, window = policy.split("-")
    days = 1 if window == "day" else 20
    ends = datetime(2026, 7, 13, 22, tzinfo=UTC) + timedelta(days=days - 1)
    row: dict[str, Any] = {"meter": meter, "window": window, "limit": 100, "used": 100, "reserved": 0, "hard": True}
    row |= {"soft": False, "holder": "workspace", "resets_at": ends.isoformat(), "credits": 0, "from_credits": 0}
    return {**row, "hold": hold, **more}


def story(*limits: dict[str, Any], plan: str = "free", admitted: bool = False) -> Story:
    row = Decision(request_id="req_1", admitted=admitted, plan=plan, limits=list(limits), created_at=AT)
    return Story(row, BERLIN)


@pytest.mark.parametrize(
    ("plan", "violated", "step", "words"),
    [
        ("free", limit(), "wait", "Wait until Tuesday 14 July 2026, 00:00 (Europe/Berlin)."),
        ("free", limit(used=0, reserved=95), "wait", "Try again in a moment"),
        ("free", limit(holder="key"), "ask_admin", "raise the limit key-tokens-day of the API key"),
        ("free", limit(holder="member"), "ask_admin", "member-tokens-day of your membership"),
        ("free", limit("operations-month"), "upgrade", "the Starter plan"),
        ("enterprise", limit("operations-month"), "buy_credits", "packs of operations"),
        ("enterprise", limit("messages-month"), "wait", "Wait until Sunday 2 August 2026, 00:00"),
        ("enterprise", limit("messages-month", hold=101), "ask_less", "no more than 100 messages"),
        ("enterprise", limit("messages-lifetime"), "none", "never resets"),
    ],
)
def test_a_refusal_says_what_helps(database: None, plan: str, violated: dict[str, Any], step: str, words: str) -> None:
    found = story(limit("requests-day", used=0), violated, plan=plan)

    assert (found.next_step.step, words in found.next_step.text) == (step, True), found.next_step
    assert found.explanation.startswith("Refused.")
    assert [looked.refused for looked in found.limits] == [False, True]


def test_an_admission_needs_no_step(database: None) -> None:
    found = story(limit(used=0), limit("tokens-month", used=0), admitted=True)

    assert found.next_step.step == "none"
    assert found.explanation == "Admitted: 2 limits were looked at, and none stood in its way."


def test_an_explanation_says_each_number_and_when_it_begins_anew(database: None) -> None:
    told = story(limit(limit=10_000, used=9_000, reserved=900, credits=40, hold=1_041)).explanation

    assert told == (
        "Refused. The free plan allows 10,000 tokens a day: 9,000 were used, 900 held by other work, 100 of it and 40 "
        "of credits remained, and this request needed 1,041. "
        "It begins anew on Tuesday 14 July 2026, 00:00 (Europe/Berlin)."
    )


# Over HTTP


@pytest.fixture
def in_tokyo(alice: Person) -> Person:
    Workspace.objects.filter(pk=alice.workspace.pk).update(time_zone="Asia/Tokyo")
    return replace(alice, caller=replace(alice.caller, time_zone="Asia/Tokyo"))


def refused(run: Run[Any], somebody: Person, tokens: int = 20_000) -> str:
    with pytest.raises(QuotaExceeded) as refusal:
        run(hold(somebody, tokens))
    return refusal.value.request_id


def read(product: Product, somebody: Person, name: str) -> Any:
    return product.http.get(f"{PATH}/{name}", headers=somebody.headers).json()


def test_a_refused_request_is_explained(product: Product, run: Run[Any], in_tokyo: Person) -> None:
    told = read(product, in_tokyo, refused(run, in_tokyo))

    [looked] = told["limits"]
    utc, local = datetime.fromisoformat(looked["resets_at"]), looked["resets_at_local"]
    assert (told["admitted"], told["time_zone"], told["work"]) == (False, "Asia/Tokyo", [])
    assert local == utc.astimezone(ZoneInfo("Asia/Tokyo")).isoformat()
    assert local.endswith("T00:00:00+09:00")
    assert (looked["remaining"], looked["credits"], looked["policy"], looked["refused"]) == (10_000, 0, "hard", True)
    assert told["next_step"] == {
        "step": "upgrade",
        "text": "Upgrade: the Starter plan allows more.",
        "until": None,
        "url": "/api/v1/billing/plans/compare",
    }


def test_an_admitted_request_says_what_it_was_charged_from_plan_and_credits(
    product: Product, run: Run[Any], alice: Person
) -> None:
    grants.give(alice.workspace.pk, Gift("tokens", 500, Grant.Source.GOODWILL), by=SYSTEM, at=now())
    spend(run, alice, 9_900)
    admitted = run(hold(alice, 300))
    run(metering.settle(admitted.reservation_id, {"tokens": 250}, basis=Basis.ESTIMATED))

    told = read(product, alice, admitted.request_id)

    [work] = told["work"]
    assert (told["admitted"], told["next_step"]["step"]) == (True, "none")
    assert (work["state"], work["basis"], work["spent"]) == ("settled", "estimated", {"tokens": 250})
    assert work["credits"] == {"tokens": 150}
    assert work["explanation"] == "250 tokens were charged, as was estimated from what was delivered."
    lines = [(line["holder"], line["amount"], line["credits_from"]) for line in work["entries"]]
    assert sorted(lines, key=str) == [("grant", 150, "goodwill"), ("workspace", 100, None)]


@pytest.mark.parametrize(
    ("spent", "told"),
    [
        ({"tokens": 7_576, "messages": 1, "requests": 1}, "1 message, 1 request and 7,576 tokens were charged"),
        ({"operations": 1}, "1 operation was charged"),
        ({"tokens": 2, "cost": 1}, "1 micro-USD of cost and 2 tokens were charged"),
    ],
)
def test_what_was_charged_is_a_sentence(spent: dict[str, int], told: str) -> None:
    assert Work(Reservation(state="settled", spent=spent), []).told.startswith(told)


def test_what_is_billed_beyond_the_plan_says_so(product: Product, run: Run[Any], alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "starter", at=now())
    asks = {"operations": Ask.exactly(105)}
    admitted = run(metering.reserve(alice.caller, asks, request_id=request_id(), at=now()))
    run(metering.settle(admitted.reservation_id, {"operations": 105}, basis=Basis.REPORTED))

    [work] = read(product, alice, admitted.request_id)["work"]

    assert [(line["amount"], line["beyond"], line["unit_price"]) for line in work["entries"]] == [(105, 5, 8)]


@pytest.mark.parametrize(
    ("resolve", "state", "words"),
    [(metering.release, "released", "nothing was charged"), (None, "pending", "under way")],
)
def test_what_was_not_charged_says_why(
    product: Product, run: Run[Any], alice: Person, resolve: Any, state: str, words: str
) -> None:
    admitted = run(hold(alice, 300))
    if resolve:
        run(resolve(admitted.reservation_id))

    [work] = read(product, alice, admitted.request_id)["work"]

    assert (work["state"], words in work["explanation"], work["entries"]) == (state, True, [])


def test_an_own_limit_that_refused_is_named(product: Product, run: Run[Any], alice: Person) -> None:
    told = read(product, alice, refused(run, with_own_limits(alice, key={"tokens-day": 100}), 200))

    assert told["next_step"]["step"] == "ask_admin"
    assert [(looked["holder"], looked["refused"]) for looked in told["limits"]] == [("workspace", False), ("key", True)]


def test_the_list_is_one_s_own_newest_first_by_pages_and_by_verdict(product: Product, run: Run[Any]) -> None:
    alice, charlie = person("Alice"), person("Charlie")
    names = [refused(run, alice), *(run(hold(alice, 1)).request_id for _ in range(2))]
    run(hold(charlie, 1))

    def page(**query: Any) -> Any:
        return product.http.get(PATH, params=query, headers=alice.headers).json()

    first = page(page_size=2)
    rest = product.http.get(first["next"], headers=alice.headers).json()
    assert [row["request_id"] for row in first["results"] + rest["results"]] == names[::-1]
    assert [row["request_id"] for row in page(admitted="false")["results"]] == names[:1]
    assert "Refused. The free plan allows" in page(admitted="false")["results"][0]["explanation"]
