"""Each figure against a plain count of the same business, month ends, zones and several currencies included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from accounts.models import User, Workspace
from analytics import kpis
from analytics.kpis import Growth, Money, percent
from analytics.tests.businesses import Business, Played, businesses, half_up, played
from billing.models import Invoice, Subscription

PROFILE = hypothesis_settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
QUICK = hypothesis_settings(PROFILE, max_examples=12, derandomize=True)
LONG = hypothesis_settings(PROFILE, max_examples=300)


def sums(paid: Iterable[tuple[str, int]]) -> list[Money]:
    found: Counter[str] = Counter()
    for currency, amount in paid:
        found[currency] += amount
    return [Money(*each) for each in sorted(found.items())]


def mrr_is_what_subscriptions_cost(business: Played) -> None:
    running = Subscription.objects.filter(gateway=business.moment.gateway, status__in=["active", "past_due"])
    months = {"day": Fraction(365, 12), "month": Fraction(1), "year": Fraction(1, 12)}
    paid = [
        (each.price.currency, half_up(each.price.amount * months[each.price.interval] / each.price.interval_count))
        for each in running.select_related("price")
        if each.price
    ]

    assert kpis.mrr(business.moment) == sums(paid)


def arpu_is_mrr_by_who_pays(business: Played) -> None:
    paid = list(business.paying_at(business.moment.at).values())
    paying = Counter(currency for currency, _ in paid)

    expected = [Money(m.currency, half_up(Fraction(m.amount, paying[m.currency]))) for m in sums(paid)]
    assert kpis.arpu(business.moment) == expected


def churn_counts_who_left(business: Played) -> None:
    at, began_at = business.moment.at, business.month_began_at()
    before, now = set(business.paying_at(began_at)), set(business.paying_at(at))
    changed_at = {since for since, _, _ in business.paid if since >= began_at}
    paid_since = before.union(*(business.paying_at(moment) for moment in changed_at))

    found = kpis.churn(business.moment)

    assert (found.cancelled, found.paying_before) == (len(before - now), len(before))
    assert found.percent == (percent(len(before - now), len(before)) if before else None)
    assert found.stopped == len(paid_since - now)
    assert found.users == sum(user.is_active and user.erased_at is None for user in User.objects.all())


def growth_is_the_sum_of_its_parts(business: Played) -> None:
    before, after = business.paying_at(business.month_began_at()), business.paying_at(business.moment.at)
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


def the_trend_of_mrr_has_twelve_months(business: Played) -> None:
    found = kpis.mrr_trend(business.moment)

    assert [month.month.day for month in found] == [1] * 12
    assert found[-1].mrr == sums(business.paying_at(business.month_began_at()).values())


def revenue_has_every_day(business: Played) -> None:
    paid: dict[object, list[tuple[str, int]]] = {}
    for invoice in Invoice.objects.filter(gateway=business.moment.gateway):
        assert invoice.paid_at
        money = (invoice.currency, invoice.amount_paid - invoice.refunded)
        paid.setdefault(business.day_of(invoice.paid_at), []).append(money)
    today = business.day_of(business.moment.at)
    days = [today - timedelta(days=ago) for ago in reversed(range(30))]

    found = kpis.revenue_trend(business.moment)

    assert [(point.day, point.revenue) for point in found] == [(day, sums(paid.get(day, []))) for day in days]


def sign_ups_have_every_day(business: Played) -> None:
    signed_up = Counter(business.day_of(user.created_at) for user in User.objects.all())
    today = business.day_of(business.moment.at)

    found = kpis.user_growth(business.moment)

    expected = [(day, signed_up[day]) for day in (today - timedelta(days=ago) for ago in reversed(range(30)))]
    assert [(point.day, point.users) for point in found] == expected


def groups_add_up_to_mrr(business: Played) -> None:
    paid = business.paying_at(business.moment.at)
    for groups in (kpis.by_plan, kpis.by_industry, kpis.by_country):
        found = groups(business.moment)
        assert sum(group.paying for group in found) == len(paid)
        assert sums((m.currency, m.amount) for group in found for m in group.mrr) == sums(paid.values())
        assert sum(group.workspaces for group in found) == Workspace.objects.filter(deleted_at=None).count()


def industries_are_the_owners(business: Played) -> None:
    paid = business.paying_at(business.moment.at)
    expected: dict[str, list[tuple[str, int]]] = {}
    for workspace in business.workspaces:
        if workspace.pk in paid and workspace.personal_to:
            expected.setdefault(workspace.personal_to.industry.strip().lower(), []).append(paid[workspace.pk])

    found = {group.name: group.mrr for group in kpis.by_industry(business.moment) if group.paying}

    assert found == {name: sums(money) for name, money in expected.items()}


def countries_are_the_invoices(business: Played) -> None:
    paid = business.paying_at(business.moment.at)
    invoiced = {
        invoice.workspace_id for invoice in Invoice.objects.filter(gateway=business.moment.gateway, country="DE")
    }

    found = {group.name: group.paying for group in kpis.by_country(business.moment) if group.paying}

    german = len(paid.keys() & invoiced)
    assert found == {name: count for name, count in (("DE", german), ("", len(paid) - german)) if count}


FIGURES = [
    mrr_is_what_subscriptions_cost,
    arpu_is_mrr_by_who_pays,
    churn_counts_who_left,
    growth_is_the_sum_of_its_parts,
    the_trend_of_mrr_has_twelve_months,
    revenue_has_every_day,
    sign_ups_have_every_day,
    groups_add_up_to_mrr,
    industries_are_the_owners,
    countries_are_the_invoices,
]


def check(profile: hypothesis_settings, figures: Iterable[Callable[[Played], None]] = FIGURES) -> None:
    @profile
    @given(businesses)
    def holds(business: Business) -> None:
        with played(business) as found:
            for figure in figures:
                figure(found)

    holds()


def test_every_figure_is_what_a_plain_count_says(database: None) -> None:
    check(QUICK)


@pytest.mark.slow
def test_every_figure_is_what_a_plain_count_says_of_many_businesses(database: None) -> None:
    check(LONG)
