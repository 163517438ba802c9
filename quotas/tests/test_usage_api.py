"""What a client reads of its allowance, and what it is told when that is spent."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.utils.timezone import now

from accounts.models import Workspace
from accounts.tests.factories import Person
from billing import subscriptions
from billing.models import Subscription
from config.tests.product import Product
from conftest import Run
from quotas import metering
from quotas.errors import QuotaExceeded
from quotas.metering import Ask
from quotas.models import Basis
from quotas.tests.ledger import spend

USAGE = "/api/v1/quotas/usage"
CURRENT = "/api/v1/quotas/usage/current"
DECISIONS = "/api/v1/quotas/decisions"
CONVERSATIONS = "/api/v1/assistants/conversations"


def get(product: Product, person: Person, path: str) -> Any:
    answer = product.http.get(path, headers=person.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def hold(run: Run[Any], person: Person, amount: int, meter: str = "tokens") -> metering.Admission:
    request_id = f"req_{uuid.uuid4().hex}"
    admission: metering.Admission = run(
        metering.reserve(person.caller, {meter: Ask.exactly(amount)}, request_id=request_id, at=now())
    )
    return admission


def tomorrow() -> datetime:
    return (now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def limit(product: Product, person: Person, meter: str) -> dict[str, Any]:
    [found] = [limit for limit in get(product, person, CURRENT)["limits"] if limit["meter"] == meter]
    return dict(found)


# In short


def test_a_newcomer_has_used_nothing(product: Product, alice: Person) -> None:
    assert get(product, alice, USAGE) == {
        "plan": "free",
        "token_quota": 10_000,
        "token_used": 0,
        "remaining": 10_000,
        "plan_end_at": None,
    }


def test_what_was_spent_is_used(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 300)

    usage = get(product, alice, USAGE)
    assert (usage["token_used"], usage["remaining"]) == (300, 9_700)


def test_what_is_held_is_not_used_and_does_not_remain(product: Product, run: Run[Any], alice: Person) -> None:
    hold(run, alice, 300)

    usage = get(product, alice, USAGE)
    assert (usage["token_used"], usage["remaining"]) == (0, 9_700)


def test_an_overrun_leaves_nothing_and_not_less(product: Product, run: Run[Any], alice: Person) -> None:
    admission = hold(run, alice, 10_000)
    run(metering.settle(admission.reservation_id, {"tokens": 10_050}, basis=Basis.REPORTED))

    usage = get(product, alice, USAGE)
    assert (usage["token_used"], usage["remaining"]) == (10_050, 0)


def test_a_plan_that_ends_says_when(product: Product, alice: Person) -> None:
    ends_at = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)
    subscriptions.put_on_plan(alice.workspace, "team", at=now())
    Subscription.objects.filter(workspace=alice.workspace).update(current_period_end=ends_at)

    usage = get(product, alice, USAGE)
    assert (usage["plan"], usage["token_quota"]) == ("team", 300_000)
    assert usage["plan_end_at"] == "2030-01-31T12:00:00Z"


def test_a_higher_plan_carries_over_what_was_left(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 300)
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    usage = get(product, alice, USAGE)
    assert (usage["token_used"], usage["remaining"]) == (0, 300_000 + 9_700)


def test_one_s_usage_is_not_another_s(product: Product, run: Run[Any], alice: Person, charlie: Person) -> None:
    spend(run, alice, 300)

    assert get(product, charlie, USAGE)["token_used"] == 0


# Every limit


def test_every_limit_is_listed_in_the_order_they_end(product: Product, alice: Person) -> None:
    current = get(product, alice, CURRENT)

    assert list(current) == ["plan", "limits"]
    assert [(limit["meter"], limit["window"], limit["limit"]) for limit in current["limits"]] == [
        ("messages", "day", 50),
        ("requests", "day", 100),
        ("tokens", "day", 10_000),
        ("operations", "month", 3),
    ]


def test_a_limit_says_how_it_stands(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 300)
    hold(run, alice, 50)

    found = limit(product, alice, "tokens")

    assert {**found, "resets_at": datetime.fromisoformat(found["resets_at"])} == {
        "meter": "tokens",
        "window": "day",
        "limit": 10_000,
        "used": 300,
        "reserved": 50,
        "remaining": 9_650,
        "resets_at": tomorrow(),
        "policy": "hard",
        "credits": 0,
        "holder": "workspace",
    }


def test_a_month_s_limit_begins_anew_with_the_month(product: Product, alice: Person) -> None:
    next_month = (now().replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    assert datetime.fromisoformat(limit(product, alice, "operations")["resets_at"]) == next_month


def test_a_day_ends_where_the_workspace_is(product: Product, alice: Person) -> None:
    Workspace.objects.filter(pk=alice.workspace.pk).update(time_zone="Asia/Kolkata")

    resets_at = datetime.fromisoformat(limit(product, alice, "tokens")["resets_at"]).astimezone(UTC)

    assert (resets_at.hour, resets_at.minute) == (18, 30)
    assert now() < resets_at <= now() + timedelta(days=1)


def test_a_limit_that_is_billed_beyond_says_so(product: Product, alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    assert limit(product, alice, "operations")["policy"] == "overage"
    assert limit(product, alice, "tokens")["policy"] == "hard"


def test_the_limits_stand_in_the_headers_too(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 300)

    headers = product.http.get(CURRENT, headers=alice.headers).headers

    assert headers["ratelimit-policy"].split(", ") == [
        '"messages-day";q=50;u="messages"',
        '"requests-day";q=100;u="requests"',
        '"tokens-day";q=10000;u="tokens"',
        '"operations-month";q=3;u="operations"',
    ]
    states = dict(state.split(";", 1) for state in headers["ratelimit"].split(", "))
    assert states['"tokens-day"'].startswith("r=9700;t=")
    assert 0 <= int(states['"tokens-day"'].partition("t=")[2]) <= 86_400


@pytest.mark.parametrize("path", [USAGE, CURRENT, f"{DECISIONS}/req_unknown"])
def test_a_stranger_learns_nothing(product: Product, path: str) -> None:
    assert product.http.get(path).status_code == 401


# Decisions


def test_an_admission_can_be_read(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 300)
    admission = hold(run, alice, 50)

    decision = get(product, alice, f"{DECISIONS}/{admission.request_id}")

    [decided] = decision.pop("limits")
    said = {"request_id": admission.request_id, "admitted": True, "plan": "free"}
    assert decision.items() >= said.items()
    stood = {
        "meter": "tokens",
        "window": "day",
        "limit": 10_000,
        "used": 300,
        "reserved": 0,
        "hold": 50,
        "hard": True,
        "holder": "workspace",
    }
    assert decided.items() >= stood.items()
    assert datetime.fromisoformat(decided["resets_at"]) == tomorrow()


def test_a_refusal_can_be_read(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 10_000)
    with pytest.raises(QuotaExceeded) as refused:
        hold(run, alice, 1)

    decision = get(product, alice, f"{DECISIONS}/{refused.value.request_id}")

    assert (decision["admitted"], decision["limits"][0]["used"], decision["limits"][0]["hold"]) == (False, 10_000, 1)


def test_another_s_decision_is_not_found(product: Product, run: Run[Any], alice: Person, charlie: Person) -> None:
    admission = hold(run, alice, 50)
    paths = [f"{DECISIONS}/{request_id}" for request_id in (admission.request_id, "req_unknown")]

    theirs, nobodys = (product.http.get(path, headers=charlie.headers) for path in paths)

    assert theirs.status_code == nobodys.status_code == 404
    assert {**theirs.json(), "request_id": ""} == {**nobodys.json(), "request_id": ""}


# Refused for want of room


def say(product: Product, person: Person) -> httpx2.Response:
    made = product.http.post(CONVERSATIONS, headers=person.headers, json={}).json()
    path = f"{CONVERSATIONS}/{made['id']}/messages"
    return product.http.post(path, headers=person.headers, json={"text": "Hello"})


def test_a_spent_allowance_is_a_problem_that_says_what_helps(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 10_000)

    answer = say(product, alice)

    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (429, "application/problem+json")
    assert {**problem, "detail": "", "resets_at": datetime.fromisoformat(problem["resets_at"])} == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Quota exceeded",
        "status": 429,
        "detail": "",
        "code": "quota_exceeded",
        "request_id": answer.headers["x-request-id"],
        "violated-policies": ["tokens-day"],
        "limit": 10_000,
        "remaining": 0,
        "resets_at": tomorrow(),
        "decision": f"{DECISIONS}/{answer.headers['x-request-id']}",
        "upgrade_url": "/api/v1/billing/plans/compare",
    }


def test_a_refusal_names_the_limit_the_reset_and_the_decision(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 10_000)

    problem = say(product, alice).json()

    assert "free plan allows 10,000 tokens a day" in problem["detail"]
    assert f"{tomorrow():%Y-%m-%dT%H:%M:%SZ}" in problem["detail"]
    assert problem["request_id"] in problem["detail"]
    assert get(product, alice, problem["decision"])["admitted"] is False


def test_a_refusal_s_headers_say_when_to_come_back(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 10_000)

    headers = say(product, alice).headers

    assert '"tokens-day";q=10000;u="tokens"' in headers["ratelimit-policy"]
    assert '"tokens-day";r=0;t=' in headers["ratelimit"]
    assert 0 < int(headers["retry-after"]) <= 86_400
    assert headers["x-should-retry"] == "false"


def test_who_is_kept_out_by_work_under_way_may_soon_try_again(product: Product, run: Run[Any], alice: Person) -> None:
    hold(run, alice, 10_000)

    headers = say(product, alice).headers

    assert (headers["x-should-retry"], headers["retry-after"]) == ("true", "5")


@pytest.mark.parametrize(("meter", "most"), [("messages", 50), ("requests", 100)])
def test_every_meter_can_refuse(product: Product, run: Run[Any], alice: Person, meter: str, most: int) -> None:
    spend(run, alice, most, meter)

    problem = say(product, alice).json()

    assert (problem["status"], problem["violated-policies"], problem["limit"]) == (429, [f"{meter}-day"], most)


def test_a_refusal_stores_and_charges_nothing(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 10_000)
    before = get(product, alice, CURRENT)

    say(product, alice)

    assert get(product, alice, CURRENT) == before
    assert alice.workspace.reservations.count() == 1
    assert not alice.workspace.conversations.filter(messages__role="user").exists()


def test_a_larger_plan_helps_at_once(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 10_000)
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    assert say(product, alice).status_code == 201
