"""Credits: used where the plan has no more, the soonest-expiring first, and gone when they expire."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.audit import SYSTEM, Actor
from accounts.models import AuditEntry
from accounts.tests.factories import Person
from billing.models import Overage
from conftest import Run
from quotas import grants, metering, reports
from quotas.errors import QuotaExceeded
from quotas.grants import Gift
from quotas.metering import Ask
from quotas.models import Basis, Entry, Grant
from quotas.sweeping import sweep_reservations
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, charged, hold, let_lease_run_out, spend, with_own_limits
from quotas.tests.plans import put_on_plan

DAY = timedelta(days=1)


def credit(person: Person, amount: int, *, days: int | None = None, priority: int = 50, meter: str = "tokens") -> Grant:
    ends = now() + days * DAY if days else None
    gift = Gift(meter, amount, Grant.Source.GOODWILL, expires_at=ends, priority=priority, reason="Sorry.")
    grant = grants.give(person.workspace.pk, gift, by=SYSTEM, at=now())
    assert grant
    return grant


def used(*of: Grant) -> list[int]:
    return [Grant.objects.get(pk=grant.pk).bucket.used for grant in of]


@pytest.fixture
def small(alice: Person) -> Person:
    """100 tokens a day."""
    put_on_plan(alice, tokens_day=100)
    return alice


def test_the_plan_is_used_before_credits(run: Run[Any], small: Person) -> None:
    given = credit(small, 50)

    spend(run, small, 80)
    assert used(given) == [0]

    spend(run, small, 40)
    assert used(given) == [20]
    assert bucket(small).used == 100


def test_what_expires_sooner_is_used_first(run: Run[Any], small: Person) -> None:
    never, later, sooner = credit(small, 50), credit(small, 50, days=9), credit(small, 50, days=2)

    spend(run, small, 220)

    assert used(sooner, later, never) == [50, 50, 20]


def test_a_priority_comes_before_that(run: Run[Any], small: Person) -> None:
    sooner, favoured = credit(small, 50, days=2), credit(small, 50, priority=10)

    spend(run, small, 130)

    assert used(favoured, sooner) == [30, 0]


def test_who_has_neither_is_refused_and_told_of_both(run: Run[Any], small: Person) -> None:
    credit(small, 50)

    with pytest.raises(QuotaExceeded, match="100 remain with credits 150, and this request needs 151"):
        run(hold(small, 151))


def test_less_spent_than_held_leaves_credits_alone(run: Run[Any], small: Person) -> None:
    given = credit(small, 50)
    admission = run(hold(small, 150))

    run(metering.settle(admission.reservation_id, {"tokens": 90}, basis=Basis.REPORTED))

    assert (used(given), bucket(small).used, charged(small)) == ([0], 90, 90)


def test_what_goes_beyond_the_hold_is_the_plans(run: Run[Any], small: Person) -> None:
    given = credit(small, 50)
    admission = run(hold(small, 150))

    run(metering.settle(admission.reservation_id, {"tokens": 170}, basis=Basis.REPORTED))

    assert (used(given), bucket(small).used) == ([50], 120)


def test_a_late_result_is_shared_as_it_would_have_been(run: Run[Any], small: Person) -> None:
    given = credit(small, 50)
    admission = run(hold(small, 140))
    run(metering.renew({admission.reservation_id: {"tokens": 110}}))
    let_lease_run_out(id=admission.reservation_id)
    sweep_reservations()
    assert used(given) == [10]

    run(metering.settle(admission.reservation_id, {"tokens": 140}, basis=Basis.REPORTED))

    assert (used(given), bucket(small).used) == ([40], 100)


def test_many_at_once_get_no_more_than_there_is(run: Run[Any], small: Person) -> None:
    first, second = credit(small, 30, days=1), credit(small, 25)

    async def all_at_once() -> list[object]:
        return await asyncio.gather(*(hold(small, 10) for _ in range(40)), return_exceptions=True)

    refused = [each for each in run(all_at_once()) if isinstance(each, QuotaExceeded)]

    assert 40 - len(refused) == 15
    assert [Grant.objects.get(pk=grant.pk).bucket.reserved for grant in (first, second)] == [30, 20]


def test_credits_are_used_before_anything_is_billed(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, tokens_day={"limit": 100, "overage_price": 8})
    given = credit(alice, 50)

    spend(run, alice, 160)

    [noted] = Overage.objects.filter(workspace=alice.workspace)
    assert (used(given), bucket(alice).used, noted.units) == ([50], 110, 10)


def test_a_hold_that_grows_takes_the_next_credit_after_the_first(run: Run[Any], small: Person) -> None:
    first, second = credit(small, 50, priority=1), credit(small, 500, priority=2)
    spend(run, small, 100)
    at = now()
    admission = run(hold(small, 50, at=at))

    grown = run(metering.grow(small.caller, admission, {"tokens": Ask(51, 200)}, at=at))
    assert grown.held("tokens") == 200
    run(metering.settle(admission.reservation_id, {"tokens": 180}, basis=Basis.REPORTED))

    assert (used(first, second), bucket(small).used) == ([50, 130], 100)


def test_a_hold_grows_no_further_than_there_is(run: Run[Any], small: Person) -> None:
    credit(small, 50)
    at = now()
    admission = run(hold(small, 120, at=at))

    grown = run(metering.grow(small.caller, admission, {"tokens": Ask(121, 240)}, at=at))

    assert grown.held("tokens") == 150
    assert run(metering.grow(small.caller, admission, {"tokens": Ask(151, 300)}, at=at)) is None


def test_a_hold_that_grows_stays_in_its_windows(run: Run[Any], small: Person) -> None:
    at = now()
    admission = run(hold(small, 10, at=at))
    put_on_plan(small, tokens_day=1_000, tokens_period=1_000)
    run(hold(small, 1))

    run(metering.grow(small.caller, admission, {"tokens": Ask(11, 20)}, at=at))
    run(metering.settle(admission.reservation_id, {"tokens": 20}, basis=Basis.REPORTED))

    assert [bucket(small, window=window).used for window in ("day", "period")] == [20, 0]


def test_a_limit_of_a_key_holds_with_credits_too(run: Run[Any], small: Person) -> None:
    credit(small, 500)
    limited = with_own_limits(small, key={"tokens-day": 120})

    spend(run, limited, 120)

    with pytest.raises(QuotaExceeded):
        run(hold(limited, 1))
    assert bucket(small, key=limited.caller.key_id).used == 120


def test_usage_tells_what_is_left(run: Run[Any], small: Person) -> None:
    credit(small, 50)
    credit(small, 20, days=1)
    spend(run, small, 110)

    [limit] = run(reports.usage(small.caller, now())).limits

    assert (limit.remaining, limit.credits, limit.room) == (0, 60, 60)


def test_when_it_expires_the_rest_is_posted_and_cannot_be_used(run: Run[Any], small: Person) -> None:
    given = credit(small, 50, days=1)
    spend(run, small, 110)
    tomorrow = now() + DAY + timedelta(minutes=1)

    with pytest.raises(QuotaExceeded):
        run(hold(small, 101, at=tomorrow))
    grants.expire(tomorrow)
    grants.expire(tomorrow)

    lines = Entry.objects.filter(bucket__grant=given).order_by("id").values_list("kind", "amount")
    assert list(lines) == [("grant", 50), ("settlement", 10), ("expiry", -40)]


def test_what_work_under_way_holds_does_not_expire_under_it(run: Run[Any], small: Person) -> None:
    given = credit(small, 50, days=1)
    admission = run(hold(small, 130))
    tomorrow = now() + DAY + timedelta(minutes=1)
    grants.expire(tomorrow)

    run(metering.settle(admission.reservation_id, {"tokens": 115}, basis=Basis.REPORTED))
    grants.expire(tomorrow)

    assert used(given) == [15]
    assert Grant.objects.get(pk=given.pk).bucket.limit == 15


def test_what_is_taken_back_says_by_whom_and_why(small: Person, charlie: Person) -> None:
    given = credit(small, 50)
    by = Actor(user_id=charlie.user.pk)

    assert grants.revoke(given, by=by, reason="A mistake.", at=now()) == 50

    assert grants.revoke(given, by=by, reason="Again.", at=now()) == 0
    line = Entry.objects.get(bucket__grant=given, kind="expiry")
    assert AuditEntry.objects.filter(action="credit.revoked", subject=f"grant:{given.pk}").count() == 1
    assert (line.amount, line.actor, line.reason) == (-50, by.name, "A mistake.")


def test_who_holds_all_of_it_does_not_keep_it(run: Run[Any], small: Person) -> None:
    given = credit(small, 50)
    admission = run(hold(small, 150))

    grants.revoke(given, by=SYSTEM, reason="A mistake.", at=now())
    run(metering.release(admission.reservation_id))

    with pytest.raises(QuotaExceeded):
        run(hold(small, 101))
    grants.expire(now())
    assert Grant.objects.get(pk=given.pk).bucket.limit == 0


# ---- what rolls over


@pytest.fixture
def rolling(alice: Person) -> Person:
    """100 tokens a day, of which 30 are had the next day too."""
    put_on_plan(alice, tokens_day={"limit": 100, "rolls_over": 30})
    return alice


def test_what_is_left_rolls_over_up_to_its_bound(run: Run[Any], rolling: Person) -> None:
    at = now()
    spend(run, rolling, 10, at=at)

    assert run(hold(rolling, 130, at=at + DAY)).held("tokens") == 130

    with pytest.raises(QuotaExceeded):
        run(hold(rolling, 1, at=at + DAY))


def test_less_than_the_bound_rolls_over_as_it_is(run: Run[Any], rolling: Person) -> None:
    at = now()
    spend(run, rolling, 95, at=at)

    run(hold(rolling, 1, at=at + DAY))

    [rest] = Grant.objects.filter(workspace=rolling.workspace)
    assert (rest.amount, rest.source, rest.rolled_from) == (5, "roll_over", bucket_of(rolling, at))
    assert rest.expires_at == rest.starts_at + DAY


def test_it_rolls_over_once_and_no_further(run: Run[Any], rolling: Person) -> None:
    at = now()
    run(hold(rolling, 1, at=at))
    run(hold(rolling, 1, at=at + DAY))

    with pytest.raises(QuotaExceeded):
        run(hold(rolling, 131, at=at + 2 * DAY))
    assert Grant.objects.filter(workspace=rolling.workspace).count() == 2


def test_after_a_day_without_use_nothing_rolls_over(run: Run[Any], rolling: Person) -> None:
    at = now()
    run(hold(rolling, 1, at=at))

    with pytest.raises(QuotaExceeded):
        run(hold(rolling, 101, at=at + 2 * DAY))


def test_twenty_firsts_of_a_day_roll_over_once(run: Run[Any], rolling: Person) -> None:
    at = now()
    run(hold(rolling, 1, at=at))

    async def all_at_once() -> None:
        await asyncio.gather(*(hold(rolling, 1, at=at + DAY) for _ in range(20)))

    run(all_at_once())

    assert Grant.objects.filter(workspace=rolling.workspace).count() == 1


def bucket_of(person: Person, at: datetime) -> Any:
    return person.workspace.buckets.get(meter="tokens", window="day", starts_at__lte=at, ends_at__gt=at)
