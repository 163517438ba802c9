"""Days and months are summed up from rollups, in the operator's zone, however often and however late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django.core.management import call_command
from django.utils.timezone import now

from accounts.tests.factories import Person
from analytics import margins, summing, usage
from analytics.kpis import Money
from analytics.models import CustomerDay, CustomerMonth
from analytics.moments import Moment
from analytics.tests.businesses import HOUR
from analytics.tests.rollups import audited as audited
from analytics.tests.rollups import taken_back as taken_back
from assistants.models import Turn
from billing.tests.demo import Buyer, a_price
from quotas.models import Reservation, Rollup

AT = datetime(2031, 3, 31, 20, tzinfo=UTC)
KOLKATA = Moment(AT, ZoneInfo("Asia/Kolkata"), "demo")
"""Where April began an hour and a half ago."""


def used(
    person: Person, hours_before: int, *, tokens: int, cost: int = 0, model: str = "sonnet", at: datetime = AT
) -> None:
    for meter, amount in (("tokens", tokens), ("cost", cost), ("requests", 1)):
        Rollup.objects.create(
            workspace=person.workspace,
            hour=at - hours_before * HOUR,
            meter=meter,
            model=model,
            amount=amount,
            works=1,
        )


def months(person: Person) -> dict[date, tuple[int, int, int]]:
    found = CustomerMonth.objects.filter(workspace=person.workspace)
    return {row.month: (row.works, row.tokens, row.cost) for row in found}


def test_a_day_is_the_operators_and_a_month_the_sum_of_its_days(alice: Person) -> None:
    for hours_before, tokens in ((0, 1), (1, 10), (2, 100), (26, 1000)):
        used(alice, hours_before, tokens=tokens, cost=2 * tokens)

    for _ in range(2):
        summing.sum_up(KOLKATA.days(3), KOLKATA)

    days = CustomerDay.objects.filter(workspace=alice.workspace).order_by("day")
    assert [(row.day.day, row.tokens) for row in days] == [(30, 1000), (31, 100), (1, 11)]
    assert months(alice) == {date(2031, 3, 1): (2, 1100, 2200), date(2031, 4, 1): (2, 11, 22)}


def test_what_comes_late_or_is_put_right_is_found(alice: Person) -> None:
    used(alice, 0, tokens=7, cost=70)
    used(alice, 1, tokens=5)
    summing.sum_up(KOLKATA.days(1), KOLKATA)
    Rollup.objects.filter(workspace=alice.workspace, amount=7).update(amount=3)
    Rollup.objects.filter(workspace=alice.workspace, hour=AT - HOUR).delete()

    summing.sum_up(KOLKATA.days(1), KOLKATA)

    assert months(alice) == {date(2031, 4, 1): (1, 3, 70)}


def test_usage_has_every_day_by_model_and_the_plan_of_that_hour(alice: Person, charlie: Person) -> None:
    moment = replace(KOLKATA, at=AT.replace(year=2032))
    price = a_price(3100)
    Buyer(alice, moment.at - 5 * HOUR).buy(price)
    used(alice, 3, tokens=10, model="opus", at=moment.at)
    used(alice, 9, tokens=10, at=moment.at)
    used(charlie, 3, tokens=10, at=moment.at)
    summing.sum_up(moment.days(2), moment)

    found = usage.usage(moment.days(3))

    assert [(day.day.day, day.tokens) for day in found.by_day] == [(30, 0), (31, 30), (1, 0)]
    assert {(row["name"], row["tokens"]) for row in found.by_model} == {("opus", 10), ("sonnet", 20)}
    assert {(row["name"], row["tokens"]) for row in found.by_plan} == {(price.plan_id, 10), ("free", 20)}
    [best, other] = usage.top_customers(date(2032, 3, 1), by="tokens", count=2)
    assert (best.workspace, best.tokens, other.tokens) == (alice.workspace.pk, 20, 10)


def test_every_call_is_of_a_kind(alice: Person) -> None:
    at = AT.replace(year=2035)
    hold = Reservation.objects.create(workspace=alice.workspace, plan="free", created_at=at, lease_until=at)
    tokens = {"input_tokens": 1, "cache_write_5m_tokens": 2, "cache_write_1h_tokens": 4, "cache_read_tokens": 8}
    Turn.objects.create(
        reservation=hold,
        workspace=alice.workspace,
        road="messages",
        outcome="completed",
        **tokens,
        output_tokens=16,
        cost=32,
        duration_ms=1,
        created_at=at - 2 * HOUR,
    )
    moment = replace(KOLKATA, at=at)
    summing.sum_up(moment.days(2), moment)

    tokens = {"input_tokens": 1, "cache_write_tokens": 6, "cache_read_tokens": 8, "output_tokens": 16}
    assert usage.usage(moment.days(2)).by_kind == [{"name": "messages", "calls": 1, **tokens, "cost": 32}]


# Margins


def test_a_month_earns_what_was_paid_over_its_part(alice: Person, charlie: Person) -> None:
    moment = replace(KOLKATA, at=datetime(2033, 3, 31, 18, 30, tzinfo=UTC))  # The month's end in Kolkata.
    march = moment.month_before()
    price = a_price(3100)
    Buyer(alice, march.starts_at + 21 * 24 * HOUR).buy(price)  # Ten of 31 days.
    used(alice, 24, tokens=30, cost=4_000_000, model="opus", at=moment.at)
    used(alice, 24, tokens=10, cost=7_000_000, model="sonnet", at=moment.at)
    used(charlie, 24, tokens=10, cost=2_000_000, model="sonnet", at=moment.at)
    summing.sum_up(march, moment)

    plans = {row.name: row for row in margins.by_plan(march, moment)}
    models = {row.name: row for row in margins.by_model(march, moment)}

    mine = plans[price.plan_id]
    assert (mine.tokens, mine.cost, mine.earned, mine.margin) == (40, 11_000_000, [Money("USD", 1000)], -1_000_000)
    assert models["opus"].earned == [Money("USD", 750)]
    assert models["sonnet"].margin == 2_500_000 - 9_000_000
    losses = margins.losses(march, moment, paying=False, count=10)
    assert [(row.workspace, row.loss) for row in losses] == [
        (charlie.workspace.pk, 2_000_000),
        (alice.workspace.pk, 1_000_000),
    ]
    assert [row.name for row in margins.losses(march, moment, paying=True, count=10)] == ["Alice"]


def test_what_is_earned_in_another_currency_has_no_margin(alice: Person) -> None:
    moment = replace(KOLKATA, at=datetime(2034, 5, 31, 18, 30, tzinfo=UTC))
    price = a_price(3100)
    price.currency = "INR"
    price.save()
    Buyer(alice, moment.month_before().starts_at).buy(price)
    used(alice, 24, tokens=1, cost=9_000_000_000, at=moment.at)
    summing.sum_up(moment.month_before(), moment)

    [found] = [row for row in margins.by_plan(moment.month_before(), moment) if row.name == price.plan_id]

    assert (found.earned, found.margin) == ([Money("INR", 3100)], None)
    assert margins.losses(moment.month_before(), moment, paying=False, count=10) == []


def test_the_command_sums_up_the_last_days(alice: Person) -> None:
    Rollup.objects.create(
        workspace=alice.workspace, hour=now() - 24 * HOUR, meter="tokens", model="", amount=5, works=1
    )

    call_command("sum_up_usage", "--days", "3", verbosity=0)

    assert CustomerDay.objects.get(workspace=alice.workspace).tokens == 5
