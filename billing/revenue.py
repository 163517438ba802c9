"""What comes in every month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from billing.models import Price, Subscription
from billing.models.subscriptions import Gateway

MONTHS_A_YEAR = 12
DAYS_A_YEAR = 365


@dataclass(frozen=True)
class PlanRevenue:
    """`mrr` in minor units of `currency` a month; trials pay nothing yet, and what is simulated stands apart."""

    plan: str
    currency: str
    simulated: bool
    subscriptions: int
    mrr: int


def mrr_by_plan(at: datetime) -> list[PlanRevenue]:
    """Of the subscriptions that are paid for now, by the price each was begun at; the best first."""
    paying = Subscription.objects.filter(status__in=[Subscription.Status.ACTIVE, Subscription.Status.PAST_DUE])
    counting = paying.filter(Q(entitled_until=None) | Q(entitled_until__gt=at)).exclude(price=None)
    counts = counting.order_by().values_list("price", "gateway").annotate(Count("pk"))
    prices = Price.objects.in_bulk({price_id for price_id, _, _ in counts if price_id})
    sums: dict[tuple[str, str, bool], tuple[int, int]] = {}
    for price_id, gateway, count in counts:
        price = prices[price_id]
        key = (price.plan_id, price.currency, gateway == Gateway.DEMO)
        subscriptions, amount = sums.get(key, (0, 0))
        sums[key] = (subscriptions + count, amount + count * a_month(price))
    rows = [PlanRevenue(*key, *value) for key, value in sums.items()]
    return sorted(rows, key=lambda row: (row.simulated, row.currency, -row.mrr))


def a_month(price: Price) -> int:
    """A price as what it is a month, in minor units, rounded half up."""
    a_year = {
        Price.Interval.DAY: DAYS_A_YEAR,
        Price.Interval.MONTH: MONTHS_A_YEAR,
        Price.Interval.YEAR: 1,
    }[Price.Interval(price.interval)]
    divisor = MONTHS_A_YEAR * price.interval_count
    return (2 * price.amount * a_year + divisor) // (2 * divisor)
