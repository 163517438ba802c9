"""Windows beside day and month, as billing has them: the subscription's own period, and one that never ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.meters import Window
from accounts.tests.factories import Person
from billing.models import Plan, PlanLimit, Subscription
from billing.tests.demo import Buyer, a_price
from conftest import Run
from quotas import reports
from quotas.errors import QuotaExceeded
from quotas.limits import Limit
from quotas.models import Notice
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, hold, spend
from quotas.tests.plans import put_on_plan

MILLISECOND = timedelta(milliseconds=1)


def usage(run: Run[Any], person: Person, at: Any = None) -> Limit:
    found: reports.Usage = run(reports.usage(person.caller, at or now()))
    [limit] = found.limits
    return limit


def subscribe(person: Person, tokens: int) -> Subscription:
    """To a plan of so many tokens a period, which begins now."""
    price = a_price()
    PlanLimit.objects.create(plan=price.plan, meter="tokens", window="period", limit=tokens)
    Plan.objects.filter(pk=price.plan_id).update(rank=300)
    buyer = Buyer(person, now())
    buyer.buy(price)
    return buyer.subscription()


def test_a_period_is_the_subscription_s_own(run: Run[Any], alice: Person) -> None:
    running = subscribe(alice, 10_000)

    spend(run, alice, 10)

    counted = bucket(alice)
    assert (counted.starts_at, counted.ends_at) == (running.current_period_start, running.current_period_end)


def test_the_last_millisecond_is_in_it_and_the_next_is_not(run: Run[Any], alice: Person) -> None:
    ends = subscribe(alice, 10_000).current_period_end
    assert ends

    spend(run, alice, 10_000, at=ends - MILLISECOND)

    with pytest.raises(QuotaExceeded):
        run(hold(alice, 1, at=ends - MILLISECOND))
    assert run(hold(alice, 10_000, at=ends)).held("tokens") == 10_000


def test_while_news_of_the_renewal_is_late_the_next_is_counted_once(run: Run[Any], alice: Person) -> None:
    running = subscribe(alice, 10_000)
    assert running.current_period_start
    assert running.current_period_end
    ends, length = running.current_period_end, running.current_period_end - running.current_period_start
    spend(run, alice, 7_000, at=ends)

    Subscription.objects.filter(pk=running.pk).update(
        current_period_start=ends, current_period_end=ends + length + timedelta(days=1)
    )

    with pytest.raises(QuotaExceeded):
        run(hold(alice, 3_001, at=ends + MILLISECOND))


def test_up_to_a_plan_with_its_own_period_the_rest_comes_along(run: Run[Any], alice: Person) -> None:
    plan = put_on_plan(alice, tokens_period=1_000)
    Plan.objects.filter(pk=plan.pk).update(rank=10)
    spend(run, alice, 400)

    subscribe(alice, 10_000)

    assert (usage(run, alice).limit, usage(run, alice).used) == (10_600, 0)
    spend(run, alice, 10_600)
    with pytest.raises(QuotaExceeded):
        run(hold(alice, 1))


def test_who_comes_back_finds_nothing_of_what_was_carried_away(run: Run[Any], alice: Person) -> None:
    plan = put_on_plan(alice, tokens_period=1_000)
    Plan.objects.filter(pk=plan.pk).update(rank=10)
    spend(run, alice, 400)
    subscribe(alice, 10_000)
    spend(run, alice, 100)

    Subscription.objects.filter(workspace=alice.workspace).update(status="canceled")
    Subscription.objects.create(workspace=alice.workspace, plan=plan, current_period_start=now(), created_at=now())

    assert usage(run, alice).remaining == 0


def test_a_lifetime_never_begins_anew(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, tokens_lifetime=100)
    spend(run, alice, 60)

    in_ten_years = now() + timedelta(days=3650)
    with pytest.raises(QuotaExceeded, match=r"100 tokens in all: 60 are used.*It never resets") as refused:
        run(hold(alice, 41, at=in_ten_years))
    assert refused.value.resets_at is None
    assert usage(run, alice, in_ten_years).resets_at is None


def test_every_window_of_a_meter_holds_at_once(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, **{f"tokens_{window}": 1_000 - number for number, window in enumerate(Window)})

    with pytest.raises(QuotaExceeded) as refused:
        run(hold(alice, 1_000))

    assert {limit.window for limit in refused.value.violated} == {"month", "period", "lifetime"}


def test_a_soft_limit_refuses_nobody_and_is_told(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, cost_day={"limit": 1_000, "soft": True})

    spend(run, alice, 700, "cost")
    assert not Notice.objects.filter(bucket__workspace=alice.workspace).exists()
    spend(run, alice, 900, "cost")

    assert set(Notice.objects.filter(bucket__workspace=alice.workspace).values_list("percent", flat=True)) == {80, 100}
    assert (usage(run, alice).beyond, usage(run, alice).used) == ("soft", 1_600)
