"""What tests count figures by: rows as they are, and arithmetic. Nothing of the product's but its tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from fractions import Fraction
from uuid import UUID

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from accounts.models import Workspace
from analytics.kpis import Money
from analytics.tests.businesses import HARD_DAYS, Business, businesses
from analytics.tests.playing import Paid, Played, played
from billing.models import Plan, Subscription

PROFILE = hypothesis_settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
MANY = hypothesis_settings(PROFILE, max_examples=200)

Exact = dict[str, Fraction]
"""By currency, in minor units."""


def half_up(amount: Fraction) -> int:
    return (amount + Fraction(1, 2)).__floor__()


def percent(part: int, whole: int) -> float | None:
    return half_up(Fraction(part * 10_000, whole)) / 100 if whole else None


def sums(paid: Iterable[tuple[str, int]]) -> list[Money]:
    found: Counter[str] = Counter()
    for currency, amount in paid:
        found[currency] += amount
    return [Money(*each) for each in sorted(found.items())]


def a_month(paid: Iterable[Paid]) -> list[tuple[str, int]]:
    return [(each.currency, half_up(each.amount)) for each in paid]


def default_plan() -> str:
    return next((plan.slug for plan in Plan.objects.all() if plan.is_default), "")


def had_plans(at: datetime) -> dict[UUID, Subscription]:
    """What each workspace is entitled to."""
    return {
        each.workspace_id: each
        for each in Subscription.objects.all()
        if each.status in ("trialing", "active", "past_due") and (not each.entitled_until or each.entitled_until > at)
    }


def there() -> list[Workspace]:
    return [workspace for workspace in Workspace.objects.all() if workspace.deleted_at is None]


def last_days(today: date, count: int) -> list[date]:
    return [today - timedelta(days=ago) for ago in reversed(range(count))]


def month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


Figures = Iterable[Callable[[Played], None]]


def hold_of(business: Business, figures: Figures) -> None:
    with played(business) as found:
        for figure in figures:
            figure(found)


def hold_of_many(figures: Figures) -> None:
    """Of a busy business on each of the hard days, and of many that are made up."""

    def holds(business: Business) -> None:
        hold_of(business, figures)

    for business in HARD_DAYS:
        holds(business)
    MANY(given(businesses)(holds))()
