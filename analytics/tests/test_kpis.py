"""Each figure against a plain count of the same business, month ends, zones and several currencies included."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from uuid import UUID

import pytest

from accounts.models import Membership, User, Workspace
from analytics import kpis
from analytics.kpis import BREAKDOWNS, KPIS, Group, Growth, Money
from analytics.tests.businesses import HARD_DAYS, Business
from analytics.tests.plainly import (
    a_month,
    default_plan,
    had_plans,
    half_up,
    hold_of,
    hold_of_many,
    last_days,
    month_before,
    percent,
    sums,
)
from analytics.tests.playing import Played
from assistants.models import Job
from billing.models import Invoice, PackPurchase, RecurringRevenue, Subscription


def mrr_is_what_subscriptions_cost(business: Played) -> None:
    months = {"day": Fraction(365, 12), "month": Fraction(1), "year": Fraction(1, 12)}
    paid = [
        (each.price.currency, half_up(each.price.amount * months[each.price.interval] / each.price.interval_count))
        for each in Subscription.objects.select_related("price")
        if each.price and each.gateway == business.moment.gateway and each.status in ("active", "past_due")
    ]

    assert kpis.mrr(business.moment) == sums(paid)


def arpu_is_mrr_by_who_pays(business: Played) -> None:
    paid = a_month(business.paying_at(business.moment.at).values())
    paying = Counter(currency for currency, _ in paid)

    expected = [Money(m.currency, half_up(Fraction(m.amount, paying[m.currency]))) for m in sums(paid)]
    assert kpis.arpu(business.moment) == expected


def churn_counts_who_left(business: Played) -> None:
    at, began_at = business.moment.at, business.month_began_at()
    before, now = set(business.paying_at(began_at)), set(business.paying_at(at))
    changed_at = {since for since, _, _ in business.paid if since >= began_at}
    paid_since = before.union(*(business.paying_at(moment) for moment in changed_at))
    users = sum(user.is_active and user.erased_at is None for user in User.objects.all())

    found = kpis.churn(business.moment)

    assert (found.cancelled, found.paying_before) == (len(before - now), len(before))
    assert found.percent == percent(len(before - now), len(before))
    assert (found.stopped, found.users) == (len(paid_since - now), users)
    assert found.percent_of_users == percent(len(paid_since - now), users)


def growth_is_the_sum_of_its_parts(business: Played) -> None:
    before, after = (
        {who: (paid.currency, half_up(paid.amount)) for who, paid in business.paying_at(at).items()}
        for at in (business.month_began_at(), business.moment.at)
    )
    expected = []
    for currency in sorted({currency for currency, _ in [*before.values(), *after.values()]}):
        old = {who: amount for who, (which, amount) in before.items() if which == currency}
        new = {who: amount for who, (which, amount) in after.items() if which == currency}
        change = {who: new[who] - old[who] for who in old.keys() & new.keys()}
        expected.append(
            Growth(
                currency,
                before=sum(old.values()),
                after=sum(new.values()),
                new=sum(new[who] for who in new.keys() - old.keys()),
                expansion=sum(more for more in change.values() if more > 0),
                contraction=sum(-less for less in change.values() if less < 0),
                churned=sum(old[who] for who in old.keys() - new.keys()),
            )
        )

    found = kpis.growth(business.moment)

    assert found == expected
    assert all(g.after == g.before + g.new + g.expansion - g.contraction - g.churned for g in found)
    assert [g.percent for g in found] == [percent(g.after - g.before, g.before) for g in expected]


def the_trend_of_mrr_is_what_was_paid_when_each_month_began(business: Played) -> None:
    months = [business.month_began_at().date()]
    while len(months) < 12:
        months.insert(0, month_before(months[0]))

    found = kpis.mrr_trend(business.moment)

    assert [(month.month, month.mrr) for month in found] == [
        (month, sums(a_month(business.paying_at(business.midnight(month)).values()))) for month in months
    ]


def revenue_has_every_day(business: Played) -> None:
    paid: dict[date, list[tuple[str, int]]] = {}
    for invoice in Invoice.objects.filter(gateway=business.moment.gateway):
        if invoice.paid_at:
            money = (invoice.currency, invoice.amount_paid - invoice.refunded)
            paid.setdefault(business.day_of(invoice.paid_at), []).append(money)
    for pack in PackPurchase.objects.filter(gateway=business.moment.gateway):
        assert pack.paid_at
        paid.setdefault(business.day_of(pack.paid_at), []).append((pack.currency, pack.price - pack.refunded))

    found = kpis.revenue_trend(business.moment)

    days = last_days(business.day_of(business.moment.at), 30)
    assert [(point.day, point.revenue) for point in found] == [(day, sums(paid.get(day, []))) for day in days]


def sign_ups_have_every_day(business: Played) -> None:
    signed_up = Counter(business.day_of(user.created_at) for user in User.objects.all())

    found = kpis.user_growth(business.moment)

    days = last_days(business.day_of(business.moment.at), 30)
    assert [(point.day, point.users) for point in found] == [(day, signed_up[day]) for day in days]


def users_are_those_who_may_sign_in(business: Played) -> None:
    assert kpis.users(business.moment) == sum(each.is_active and not each.erased_at for each in User.objects.all())


# Groups


def grouped(business: Played, name_of: dict[UUID, str]) -> list[Group]:
    """Workspaces by the names that are theirs; those that are gone only as long as they pay. The largest first."""
    paid = business.paying_at(business.moment.at)
    groups: dict[str, list[UUID]] = {}
    for workspace in Workspace.objects.all():
        if workspace.deleted_at is None or workspace.pk in paid:
            groups.setdefault(name_of.get(workspace.pk, ""), []).append(workspace.pk)
    found = [
        Group(
            name,
            workspaces=len(members),
            paying=sum(member in paid for member in members),
            mrr=sums(a_month(paid[member] for member in members if member in paid)),
        )
        for name, members in groups.items()
    ]
    return sorted(found, key=lambda group: (-group.paying, -group.workspaces, group.name))


def plans_are_paid_for_or_had(business: Played) -> None:
    names = {workspace.pk: default_plan() for workspace in Workspace.objects.all()}
    names |= {who: each.plan_id for who, each in had_plans(business.moment.at).items()}
    names |= {who: paid.plan for who, paid in business.paying_at(business.moment.at).items()}

    assert kpis.by_plan(business.moment) == grouped(business, names)


def industries_are_the_owners_or_of_the_newest_strategy(business: Played) -> None:
    names: dict[UUID, str] = {}
    for job in sorted(Job.objects.all(), key=lambda job: job.created_at):
        if job.kind == "strategy" and not job.deleted_at:
            names[job.workspace_id] = job.brief.get("industry") or ""
    for owner in Membership.objects.select_related("user"):
        if owner.role == "owner" and owner.user.industry:
            names[owner.workspace_id] = owner.user.industry

    tidy = {who: name.strip().lower() for who, name in names.items()}
    assert kpis.by_industry(business.moment) == grouped(business, tidy)


def countries_are_of_the_newest_invoice_with_one(business: Played) -> None:
    invoices = sorted(Invoice.objects.all(), key=lambda invoice: invoice.created_at)
    names = {invoice.workspace_id: invoice.country for invoice in invoices if invoice.country}

    assert kpis.by_country(business.moment) == grouped(business, names)


FIGURES = {
    "mrr": mrr_is_what_subscriptions_cost,
    "arpu": arpu_is_mrr_by_who_pays,
    "churn": churn_counts_who_left,
    "growth": growth_is_the_sum_of_its_parts,
    "mrr_trend": the_trend_of_mrr_is_what_was_paid_when_each_month_began,
    "revenue_trend": revenue_has_every_day,
    "user_growth": sign_ups_have_every_day,
    "users": users_are_those_who_may_sign_in,
    "tiers": plans_are_paid_for_or_had,
    "industries": industries_are_the_owners_or_of_the_newest_strategy,
}


def what_is_kept_is_what_was_counted(business: Played) -> None:
    counted = [group(business.moment) for group in BREAKDOWNS.values()]
    kpis.keep(business.moment)
    RecurringRevenue.objects.filter(workspace__in=business.workspaces).delete()

    assert [group(business.moment) for group in BREAKDOWNS.values()] == counted


# The last takes away what is paid.
EVERY = [
    *FIGURES.values(),
    countries_are_of_the_newest_invoice_with_one,
    what_is_kept_is_what_was_counted,
]


def test_no_figure_is_without_its_count() -> None:
    assert FIGURES.keys() == KPIS.keys()
    assert set(BREAKDOWNS.values()) == {KPIS["tiers"], KPIS["industries"], kpis.by_country}


@pytest.mark.parametrize("business", HARD_DAYS[:3], ids=lambda business: f"{business.at:%Y-%m-%d} {business.zone}")
def test_every_figure_is_what_a_plain_count_says(database: None, business: Business) -> None:
    hold_of(business, EVERY)


@pytest.mark.slow
def test_every_figure_is_what_a_plain_count_says_of_many_businesses(database: None) -> None:
    hold_of_many(EVERY)
