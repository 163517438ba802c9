"""Usage, margins, what customers used, and what-if, each against a plain count of the rows that the ledger left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from analytics import customers, margins, summing, usage, what_if
from analytics.tests.businesses import HARD_DAYS, HOUR, Business
from analytics.tests.plainly import (
    Exact,
    default_plan,
    had_plans,
    half_up,
    hold_of,
    hold_of_many,
    last_days,
    month_after,
    month_before,
    there,
)
from analytics.tests.playing import Paid, Played
from analytics.what_if import NewLimit
from assistants.models import Step, Turn
from billing.models import Overage, PackPurchase
from quotas.days import Days
from quotas.models import Rollup

Used = tuple[int, int, int]
"""Tokens, cost and works."""
CENT = 10_000


@dataclass(frozen=True)
class Row:
    """What was charged of a workspace in one hour by one model, on the plan that it was on as the hour ended."""

    workspace: UUID
    hour: datetime
    day: date
    plan: str
    model: str
    used: Used


def rows(business: Played) -> list[Row]:
    had = had_plans(business.moment.at)
    found = []
    for row in Rollup.objects.filter(workspace__in=business.workspaces):
        ended_at = row.hour + HOUR
        plan = default_plan()
        if row.workspace_id in had and had[row.workspace_id].created_at < ended_at:
            plan = had[row.workspace_id].plan_id
        if paid := business.paying_at(ended_at - timedelta(microseconds=1)).get(row.workspace_id):
            plan = paid.plan
        amounts = {"tokens": (row.amount, 0, row.works), "cost": (0, row.amount, 0)}
        used = amounts.get(row.meter, (0, 0, 0))
        found.append(Row(row.workspace_id, row.hour, business.day_of(row.hour), plan, row.model, used))
    return found


def total(found: Iterable[Row]) -> Used:
    every = [row.used for row in found]
    return sum(used[0] for used in every), sum(used[1] for used in every), sum(used[2] for used in every)


def summed_up(business: Played) -> None:
    """Each day on which there is work, and those beside it, on any clock."""
    found = {row.hour.date() + timedelta(days=by) for row in rows(business) for by in (-1, 0, 1)}
    found |= {at.date() + timedelta(days=by) for at in _called_at() for by in (-1, 0, 1)}
    for day in found:
        summing.sum_up(Days(day, day, business.moment.zone), business.moment)


def _called_at() -> list[datetime]:
    return [*Turn.objects.values_list("created_at", flat=True), *Step.objects.values_list("finished_at", flat=True)]


# Usage


def usage_is_what_the_rollups_say(business: Played) -> None:
    days = last_days(business.day_of(business.moment.at), 30)
    month = [row for row in rows(business) if row.day in days]

    found = usage.usage(business.moment.days(30))

    assert (found.tokens, found.cost, found.works) == total(month)
    assert [(day.day, (day.tokens, day.cost, day.works)) for day in found.by_day] == [
        (day, total(row for row in month if row.day == day)) for day in days
    ]
    for groups, name in ((found.by_model, "model"), (found.by_plan, "plan")):
        names = {getattr(row, name) for row in month}
        assert {group["name"]: (group["tokens"], group["cost"], group["works"]) for group in groups} == {
            each: total(row for row in month if getattr(row, name) == each) for each in names
        }
        assert groups == sorted(groups, key=lambda group: (-group["cost"], group["name"]))


def kinds_are_what_providers_reported(business: Played) -> None:
    days = last_days(business.day_of(business.moment.at), 30)
    calls: list[tuple[str, datetime, Turn | Step]] = [(turn.road, turn.created_at, turn) for turn in Turn.objects.all()]
    calls += [(step.job.kind, step.finished_at, step) for step in Step.objects.select_related("job")]
    expected: dict[str, Counter[str]] = {}
    for kind, at, call in calls:
        if business.day_of(at) in days:
            written = call.cache_write_5m_tokens + call.cache_write_1h_tokens
            expected.setdefault(kind, Counter()).update(
                calls=1,
                input_tokens=call.input_tokens,
                cache_write_tokens=written,
                cache_read_tokens=call.cache_read_tokens,
                output_tokens=call.output_tokens,
                cost=call.cost,
            )

    found = usage.usage(business.moment.days(30)).by_kind

    assert {row.pop("name"): Counter(row) for row in [dict(row) for row in found]} == expected


def top_customers_are_those_who_used_most(business: Played) -> None:
    month = business.month_began_at().date()
    of_each = {
        who.pk: total(row for row in rows(business) if row.workspace == who.pk and row.day.replace(day=1) == month)
        for who in business.workspaces
    }
    for number, by in enumerate(("tokens", "cost")):
        found = usage.top_customers(month, by=by, count=2)

        most = sorted((used[number] for used in of_each.values() if used != (0, 0, 0)), reverse=True)[:2]
        assert [(row.tokens, row.cost)[number] for row in found] == most
        assert all((row.tokens, row.cost, row.works) == of_each[row.workspace] for row in found)


def a_users_line_is_that_of_their_own_workspace(business: Played) -> None:
    paid, had = business.paying_at(business.moment.at), had_plans(business.moment.at)
    month = business.month_began_at().date()

    found = {row["workspace"]: row for row in customers.customers(business.moment)}

    for who in business.workspaces:
        line, pays = found[who.pk], paid.get(who.pk)
        used = total(row for row in rows(business) if row.workspace == who.pk and row.day.replace(day=1) == month)
        assert line["tier"] == (had[who.pk].plan_id if who.pk in had else default_plan())
        assert (line["mrr"], line["pays_in"]) == ((half_up(pays.amount), pays.currency) if pays else (0, ""))
        assert (line["tokens"], line["cost"]) == used[:2]


# Margins


def earned(business: Played, month: date) -> list[tuple[UUID, str, str, Fraction]]:
    """By whom, on which plan, in what currency and how much, not yet rounded."""
    starts_at, ends_at = business.midnight(month), business.midnight(month_after(month))
    until = min(ends_at, business.moment.at)
    found = []
    for who, plan, paid, since, over in intervals(business):
        amount = Fraction(half_up(paid.amount))
        part = Fraction(min(over, until).timestamp()) - Fraction(max(since, starts_at).timestamp())
        if part > 0:
            whole = Fraction(ends_at.timestamp()) - Fraction(starts_at.timestamp())
            found.append((who, plan, paid.currency, amount * part / whole))
    for pack in PackPurchase.objects.filter(gateway=business.moment.gateway):
        if pack.paid_at and starts_at <= pack.paid_at < until:
            payer = business.paying_at(pack.paid_at).get(pack.workspace_id)
            price = Fraction(pack.price - pack.refunded)
            found.append((pack.workspace_id, payer.plan if payer else "", pack.currency, price))
    for over_plan in Overage.objects.filter(workspace__in=business.workspaces):
        payer = business.paying_at(over_plan.used_at).get(over_plan.workspace_id)
        if payer and over_plan.state != "given_up" and starts_at <= over_plan.used_at < until:
            price = Fraction(over_plan.units * over_plan.unit_price)
            found.append((over_plan.workspace_id, payer.plan, "USD", price))
    return found


def intervals(business: Played) -> list[tuple[UUID, str, Paid, datetime, datetime]]:
    """Who paid what, from when until when."""
    for_ever = business.moment.at + 10_000 * HOUR
    found = []
    for who in business.workspaces:
        changes = [(since, paid) for since, workspace, paid in business.paid if workspace == who.pk]
        for (since, paid), (over, _) in pairwise([*changes, (for_ever, None)]):
            if paid:
                found.append((who.pk, paid.plan, paid, since, over))
    return found


def by_currency(found: Iterable[tuple[str, Fraction]]) -> Exact:
    exact: Exact = {}
    for currency, amount in found:
        exact[currency] = exact.get(currency, Fraction(0)) + amount
    return exact


def is_rounded(found: margins.Margin, exact: Exact) -> bool:
    """Each to the nearest; nothing that is not there."""
    told = {money.currency: money.amount for money in found.earned}
    off = [Fraction(told.get(name, 0)) - exact.get(name, Fraction(0)) for name in {*told, *exact}]
    return all(-Fraction(1, 2) <= each <= Fraction(1, 2) for each in off)


def has_its_margin(found: margins.Margin) -> bool:
    if any(money.currency != "USD" for money in found.earned):
        return found.margin is None
    return found.margin == sum(money.amount for money in found.earned) * CENT - found.cost


def months_of(business: Played) -> list[date]:
    this = business.month_began_at().date()
    return [month_before(this), this]


def days_of(month: date, business: Played) -> Days:
    return Days(month, month_after(month) - timedelta(days=1), business.moment.zone)


def margins_of_plans_are_what_they_earned_less_what_they_cost(business: Played) -> None:
    for month in months_of(business):
        used = [row for row in rows(business) if row.day.replace(day=1) == month]
        money = earned(business, month)

        found = {margin.name: margin for margin in margins.by_plan(days_of(month, business), business.moment)}

        assert found.keys() >= {row.plan for row in used} | {plan for _, plan, _, amount in money if amount}
        for name, margin in found.items():
            assert (margin.tokens, margin.cost) == total(row for row in used if row.plan == name)[:2]
            assert is_rounded(margin, by_currency((each[2], each[3]) for each in money if each[1] == name))
            assert has_its_margin(margin)


def models_share_what_plans_earned_by_their_tokens(business: Played) -> None:
    for month in months_of(business):
        used = [row for row in rows(business) if row.day.replace(day=1) == month]
        of_plan = {plan: total(row for row in used if row.plan == plan)[0] for plan in {row.plan for row in used}}

        found = {margin.name: margin for margin in margins.by_model(days_of(month, business), business.moment)}

        assert found.keys() == {row.model for row in used}
        for name, margin in found.items():
            mine = [row for row in used if row.model == name]
            shares = [
                (currency, amount * total(row for row in mine if row.plan == plan)[0] / of_plan[plan])
                for _, plan, currency, amount in earned(business, month)
                if of_plan.get(plan)
            ]
            assert (margin.tokens, margin.cost) == total(mine)[:2]
            assert is_rounded(margin, by_currency(shares))
            assert has_its_margin(margin)


def losses_are_of_who_cost_more_than_they_paid(business: Played) -> None:
    had = had_plans(business.moment.at)
    for month in months_of(business):
        used = [row for row in rows(business) if row.day.replace(day=1) == month]
        money = earned(business, month)
        expected = {}
        for who in business.workspaces:
            tokens, cost, _ = total(row for row in used if row.workspace == who.pk)
            mine = by_currency((each[2], each[3]) for each in money if each[0] == who.pk)
            cents = half_up(mine.pop("USD", Fraction(0)))
            plan = had[who.pk].plan_id if who.pk in had else default_plan()
            if cost > cents * CENT and not mine:
                expected[who.pk] = (plan, tokens, cost, cents, cost - cents * CENT)

        for paying in (False, True):
            found = margins.losses(days_of(month, business), business.moment, paying=paying, count=10)

            assert {row.workspace: (row.plan, row.tokens, row.cost, row.earned, row.loss) for row in found} == {
                who: line for who, line in expected.items() if line[3] or not paying
            }
            assert [row.loss for row in found] == sorted((row.loss for row in found), reverse=True)


# What if


def what_if_replays_every_customer_by_their_own_clock(business: Played) -> None:
    had, paying = had_plans(business.moment.at), business.paying_at(business.moment.at)
    month = month_before(business.day_of(business.moment.at))
    on = {who.pk: had[who.pk].plan_id if who.pk in had else default_plan() for who in there()}
    limits = [NewLimit("tokens-day", 30), NewLimit("tokens-month", 40, 3), NewLimit("cost-day", 9_000_000, 1)]
    mine = {on[who.pk] for who in business.workspaces if who.pk in on} | {paid.plan for paid in paying.values()}
    for plan in mine:
        new = {"USD": 77, "EUR": 1}
        found = what_if.replay(plan, limits=limits, prices=new, month=days_of(month, business), moment=business.moment)

        assert found.customers == sum(each == plan for each in on.values())
        for limit, outcome in zip(limits, found.limits, strict=True):
            meter, _, window = limit.policy.partition("-")
            beyond = {
                who.pk: hits
                for who in business.workspaces
                if on.get(who.pk) == plan and (hits := _beyond(who.pk, meter, window, limit.limit, month))
            }
            assert {hit.workspace: (hit.windows, hit.most, hit.beyond) for hit in outcome.worst} == {
                who: (len(hits), max(hits), sum(each - limit.limit for each in hits)) for who, hits in beyond.items()
            }
            assert (outcome.customers, outcome.beyond) == (len(beyond), sum(hit.beyond for hit in outcome.worst))
            assert outcome.amount == outcome.beyond * (limit.overage_price or 0)
            assert outcome.refuses == (limit.overage_price is None)
        amounts = Counter(
            half_up(paid.amount) for paid in paying.values() if (paid.plan, paid.currency) == (plan, "USD")
        )
        assert [(each.currency, each.amount, each.customers, each.before, each.after) for each in found.prices] == [
            ("USD", amount, count, amount * count, 77 * count) for amount, count in sorted(amounts.items())
        ]


def _beyond(workspace: UUID, meter: str, window: str, limit: int, month: date) -> list[int]:
    """What was used in each window in which it was more than the limit."""
    windows: Counter[date] = Counter()
    for row in Rollup.objects.select_related("workspace").filter(workspace=workspace, meter=meter):
        day = row.hour.astimezone(ZoneInfo(row.workspace.time_zone)).date()
        if day.replace(day=1) == month:
            windows[day if window == "day" else month] += row.amount
    return [used for used in windows.values() if used > limit]


FIGURES = [
    summed_up,
    usage_is_what_the_rollups_say,
    kinds_are_what_providers_reported,
    top_customers_are_those_who_used_most,
    a_users_line_is_that_of_their_own_workspace,
    margins_of_plans_are_what_they_earned_less_what_they_cost,
    models_share_what_plans_earned_by_their_tokens,
    losses_are_of_who_cost_more_than_they_paid,
    what_if_replays_every_customer_by_their_own_clock,
]


@pytest.mark.parametrize("business", HARD_DAYS[:2], ids=lambda business: f"{business.at:%Y-%m-%d} {business.zone}")
def test_what_was_used_is_what_a_plain_count_says(database: None, business: Business) -> None:
    hold_of(business, FIGURES)


@pytest.mark.slow
def test_what_was_used_is_what_a_plain_count_says_of_many_businesses(database: None) -> None:
    hold_of_many(FIGURES)
