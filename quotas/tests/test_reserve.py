"""Admission: how much is held, what is refused, and what the decision says."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing import subscriptions
from conftest import Run
from quotas import metering, periods
from quotas.errors import ModelNotInPlan, QuotaExceeded
from quotas.metering import Admission, Ask
from quotas.models import Basis, Bucket, Decision, Reservation
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, hold, request_id
from quotas.tests.plans import BILLED_BEYOND, put_on_plan


async def reserve(person: Person, asks: dict[str, Ask], **more: Any) -> Admission:
    told = {"request_id": request_id(), "at": now(), **more}
    return await metering.reserve(person.caller, asks, **told)


# ---- how much is held


def test_it_holds_what_is_asked(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))

    assert admission.held("tokens") == 300
    assert bucket(alice).reserved == 300


def test_it_holds_the_most_where_there_is_room(run: Run[Any], alice: Person) -> None:
    admission = run(reserve(alice, {"tokens": Ask(least=10, most=10_000)}))

    assert admission.held("tokens") == 10_000


def test_it_holds_what_is_left_where_there_is_less_than_the_most(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 9_000))

    admission = run(reserve(alice, {"tokens": Ask(least=10, most=5_000)}))

    assert admission.held("tokens") == 1_000
    assert bucket(alice).reserved == 10_000


def test_it_holds_the_least_as_the_last_of_the_allowance(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 9_990))

    admission = run(reserve(alice, {"tokens": Ask(least=10, most=5_000)}))

    assert admission.held("tokens") == 10


def test_it_refuses_where_there_is_less_than_the_least(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 9_991))

    with pytest.raises(QuotaExceeded):
        run(reserve(alice, {"tokens": Ask(least=10, most=5_000)}))

    assert bucket(alice).reserved == 9_991


def test_it_holds_nothing_of_a_meter_without_a_limit(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, **BILLED_BEYOND)

    admission = run(reserve(alice, {"tokens": Ask.exactly(5), "requests": Ask.exactly(1)}))

    assert admission.held("requests") is None
    assert admission.held("tokens") == 5


# ---- all or nothing


def test_it_holds_every_meter_at_once(run: Run[Any], alice: Person) -> None:
    run(reserve(alice, {"tokens": Ask.exactly(300), "requests": Ask.exactly(1), "messages": Ask.exactly(1)}))

    held = {found.meter: found.reserved for found in Bucket.objects.filter(workspace=alice.workspace)}
    assert held == {"tokens": 300, "requests": 1, "messages": 1, "operations": 0}


def test_it_holds_nothing_where_one_meter_has_no_room(run: Run[Any], alice: Person) -> None:
    with pytest.raises(QuotaExceeded) as refused:
        run(reserve(alice, {"tokens": Ask.exactly(300), "requests": Ask.exactly(1), "messages": Ask.exactly(51)}))

    assert [limit.policy for limit in refused.value.violated] == ["messages-day"]
    assert {found.reserved for found in Bucket.objects.filter(workspace=alice.workspace)} == {0}
    assert not Reservation.objects.filter(workspace=alice.workspace).exists()


def test_it_names_every_limit_that_refuses(run: Run[Any], alice: Person) -> None:
    with pytest.raises(QuotaExceeded) as refused:
        run(reserve(alice, {"tokens": Ask.exactly(10_001), "messages": Ask.exactly(51), "requests": Ask.exactly(1)}))

    assert {limit.policy for limit in refused.value.violated} == {"messages-day", "tokens-day"}


def test_anothers_work_takes_nothing_of_mine(run: Run[Any], alice: Person, charlie: Person) -> None:
    run(hold(charlie, 10_000))

    assert run(hold(alice, 10_000)).held("tokens") == 10_000


# ---- the refusal and the decision


def test_it_refuses_when_the_allowance_is_spent(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 10_000))

    with pytest.raises(QuotaExceeded) as refused:
        run(hold(alice, 1))

    assert refused.value.violated[0].policy == "tokens-day"
    assert bucket(alice).reserved == 10_000


def test_a_refusal_says_the_limit_when_it_resets_and_its_decision(run: Run[Any], alice: Person) -> None:
    at, name = now(), request_id()

    with pytest.raises(QuotaExceeded) as refused:
        run(reserve(alice, {"tokens": Ask.exactly(10_001)}, request_id=name, at=at))

    midnight = periods.day_at(at, alice.caller.zone).ends_at
    assert refused.value.resets_at == midnight
    assert "allows 10,000 tokens a day: 0 are used, 10,000 remain, and this request needs 10,001." in str(refused.value)
    assert f"It resets at {midnight:%Y-%m-%dT%H:%M:%SZ}." in str(refused.value)
    assert name in str(refused.value)


def test_a_refusal_passes_where_only_work_under_way_stands_in_the_way(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 10_000))

    with pytest.raises(QuotaExceeded) as held:
        run(hold(alice, 10_000))
    with pytest.raises(QuotaExceeded) as too_much:
        run(hold(alice, 10_001))

    assert held.value.passes
    assert not too_much.value.passes


def test_the_decision_of_an_admission_says_what_was_looked_at(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 100))
    admission = run(reserve(alice, {"tokens": Ask(least=1, most=300), "requests": Ask.exactly(1)}))

    decision = Decision.objects.get(request_id=admission.request_id)
    tokens, requests = sorted(decision.limits, key=lambda limit: str(limit["meter"]), reverse=True)
    assert (decision.admitted, decision.plan) == (True, "free")
    assert {name: tokens[name] for name in ("limit", "used", "reserved", "hold", "hard", "window")} == {
        "limit": 10_000,
        "used": 0,
        "reserved": 100,
        "hold": 300,
        "hard": True,
        "window": "day",
    }
    assert requests["hold"] == 1


def test_the_decision_of_a_refusal_says_the_least_it_needed(run: Run[Any], alice: Person) -> None:
    name = request_id()

    with pytest.raises(QuotaExceeded):
        run(reserve(alice, {"tokens": Ask(least=10_500, most=20_000)}, request_id=name))

    decision = Decision.objects.get(request_id=name)
    assert decision.admitted is False
    assert [(limit["hold"], limit["used"]) for limit in decision.limits] == [(10_500, 0)]


def test_a_second_try_of_the_same_request_rewrites_its_decision(run: Run[Any], alice: Person) -> None:
    name = request_id()

    with pytest.raises(QuotaExceeded):
        run(reserve(alice, {"tokens": Ask.exactly(20_000)}, request_id=name))
    run(reserve(alice, {"tokens": Ask(least=1, most=20_000)}, request_id=name))

    decision = Decision.objects.get(request_id=name)
    assert decision.admitted is True
    assert decision.limits[0]["hold"] == 10_000


# ---- plans


def test_it_refuses_a_model_that_is_not_in_the_plan(run: Run[Any], alice: Person) -> None:
    with pytest.raises(ModelNotInPlan):
        run(reserve(alice, {"tokens": Ask.exactly(1)}, model="claude-opus-5-5"))

    assert bucket(alice).reserved == 0
    assert not Reservation.objects.filter(workspace=alice.workspace).exists()


def test_a_plan_without_a_list_has_every_model(run: Run[Any], alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "starter", at=now())

    assert run(reserve(alice, {"tokens": Ask.exactly(1)}, model="claude-opus-5-5")).plan == "starter"


def test_a_higher_plan_counts_from_the_next_request_on(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 10_000))

    subscriptions.put_on_plan(alice.workspace, "starter", at=now())
    admission = run(hold(alice, 100_000))

    assert (admission.plan, bucket(alice).limit, bucket(alice).reserved) == ("starter", 110_000, 110_000)


def test_a_lower_plan_counts_from_the_next_request_on(run: Run[Any], alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "starter", at=now())
    run(hold(alice, 10_000))

    subscriptions.put_on_plan(alice.workspace, "free", at=now())

    with pytest.raises(QuotaExceeded) as refused:
        run(hold(alice, 1))
    assert (refused.value.plan, refused.value.violated[0].limit) == ("free", 10_000)


def test_a_soft_limit_admits_beyond_itself(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, **BILLED_BEYOND)

    run(hold(alice, 90))
    admission = run(reserve(alice, {"tokens": Ask(least=1, most=50)}))

    assert admission.held("tokens") == 50
    assert bucket(alice).reserved == 140


def test_work_beyond_a_soft_limit_is_refused_once_the_plan_is_hard(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, **BILLED_BEYOND)
    run(hold(alice, 10_001))

    subscriptions.put_on_plan(alice.workspace, "free", at=now())

    with pytest.raises(QuotaExceeded):
        run(hold(alice, 1))


# ---- time


def tomorrow(at: datetime) -> datetime:
    return at + timedelta(days=1)


def test_the_next_window_has_its_whole_allowance(run: Run[Any], alice: Person) -> None:
    at = now()
    run(hold(alice, 10_000, at=at))

    with pytest.raises(QuotaExceeded):
        run(hold(alice, 1, at=at))
    assert run(hold(alice, 10_000, at=tomorrow(at))).held("tokens") == 10_000
    assert Bucket.objects.filter(workspace=alice.workspace, meter="tokens").count() == 2


def test_a_hold_stays_in_the_window_it_was_made_in(run: Run[Any], alice: Person) -> None:
    at = now()
    today = run(hold(alice, 1_000, at=at))
    run(hold(alice, 10, at=tomorrow(at)))

    run(metering.settle(today.reservation_id, {"tokens": 700}, basis=Basis.REPORTED))

    days = Bucket.objects.filter(workspace=alice.workspace, meter="tokens").order_by("starts_at")
    assert list(days.values_list("used", "reserved")) == [(700, 0), (0, 10)]
