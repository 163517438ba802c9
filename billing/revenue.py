"""What comes in every month, and what came in at any moment before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Sum, Value
from django.db.models.functions import Greatest

from billing.models import Price, RecurringRevenue, Subscription
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
    """What was paid a month then, or owed, by the price each subscription was begun at; the best first."""
    found = RecurringRevenue.objects.at(at).order_by().values_list("plan", "currency", "gateway")
    rows = [
        PlanRevenue(plan, currency, gateway == Gateway.DEMO, subscriptions, mrr)
        for plan, currency, gateway, subscriptions, mrr in found.annotate(Count("pk"), Sum("amount"))
    ]
    return sorted(rows, key=lambda row: (row.simulated, row.currency, -row.mrr))


@transaction.atomic
def follow(workspace_ids: Collection[UUID], *, at: datetime) -> None:
    """Note what these workspaces pay from now on. Whoever changes a subscription says so, in the same transaction."""
    paying = Subscription.objects.paying().filter(workspace__in=workspace_ids).select_related("price")
    now = {(each.pk, each.price_id): each for each in paying}
    noted = RecurringRevenue.objects.filter(workspace__in=workspace_ids, ends_at=None)
    before = {(each.subscription_id, each.price_id): each.pk for each in noted}
    over = [pk for known, pk in before.items() if known not in now]
    noted.filter(pk__in=over).update(ends_at=Greatest(Value(at), F("starts_at")))
    RecurringRevenue.objects.bulk_create(_begun(now[new], at) for new in now.keys() - before.keys())


def _begun(subscription: Subscription, at: datetime) -> RecurringRevenue:
    price = subscription.price
    assert price  # noqa: S101 - none but these pay
    return RecurringRevenue(
        workspace_id=subscription.workspace_id,
        subscription=subscription,
        price=price,
        plan_id=price.plan_id,
        gateway=subscription.gateway,
        currency=price.currency,
        amount=a_month(price),
        starts_at=at,
    )


def a_month(price: Price) -> int:
    """A price as what it is a month, in minor units, rounded half up."""
    a_year = {
        Price.Interval.DAY: DAYS_A_YEAR,
        Price.Interval.MONTH: MONTHS_A_YEAR,
        Price.Interval.YEAR: 1,
    }[Price.Interval(price.interval)]
    divisor = MONTHS_A_YEAR * price.interval_count
    return (2 * price.amount * a_year + divisor) // (2 * divisor)
