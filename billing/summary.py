"""A workspace's money at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Sum

from billing import purchases, subscriptions
from billing.models import Invoice, Overage, PackPurchase, Subscription
from billing.models.subscriptions import Gateway

OVERAGE_CURRENCY = "USD"


@dataclass(frozen=True)
class Amount:
    """In minor units."""

    currency: str
    amount: int


@dataclass(frozen=True)
class Summary:
    current_plan: str
    status: str | None
    next_payment_at: datetime | None
    next_payment: Amount | None
    overage_units: int
    overage: Amount
    open_amounts: list[Amount]
    paid_amounts: list[Amount]
    simulated: bool


def summary(workspace_id: UUID, *, simulated: bool) -> Summary:
    running = purchases.subscription_of(workspace_id)
    units, overage = _overage(workspace_id, running)
    found = Invoice.objects.filter(workspace=workspace_id)
    return Summary(
        current_plan=subscriptions.current_plan(workspace_id).slug,
        status=running.status if running else None,
        next_payment_at=running.current_period_end if running and _goes_on(running) else None,
        next_payment=_next_payment(running, overage) if running else None,
        overage_units=units,
        overage=overage,
        open_amounts=_sums(found.filter(status=Invoice.Status.OPEN).values_list("currency", "amount_due")),
        paid_amounts=_sums([*found.values_list("currency", F("amount_paid") - F("refunded")), *_packs(workspace_id)]),
        simulated=running.gateway == Gateway.DEMO if running and running.gateway else simulated,
    )


def _packs(workspace_id: UUID) -> Iterable[tuple[str, int]]:
    """What was paid for each, less what was paid back."""
    paid = PackPurchase.objects.filter(workspace=workspace_id).exclude(paid_at=None)
    return paid.values_list("currency", F("price") - F("refunded"))


def _overage(workspace_id: UUID, running: Subscription | None) -> tuple[int, Amount]:
    """Units, and what they cost, since the running period began."""
    if running is None:
        return 0, Amount(OVERAGE_CURRENCY, 0)
    since = Overage.objects.filter(workspace=workspace_id, used_at__gte=running.current_period_start)
    found = since.aggregate(total=Sum("units"), amount=Sum(F("units") * F("unit_price")))
    return found["total"] or 0, Amount(OVERAGE_CURRENCY, found["amount"] or 0)


def _goes_on(running: Subscription) -> bool:
    return bool(running.price_id) and not running.cancel_at_period_end


def _next_payment(running: Subscription, overage: Amount) -> Amount | None:
    """None where nothing will be asked for. Overage in another currency than the plan's stands on its own."""
    if not running.price or not _goes_on(running):
        return None
    beside = overage.amount if running.price.currency == overage.currency else 0
    return Amount(running.price.currency, running.price.amount + beside)


def _sums(amounts: Iterable[tuple[str, int]]) -> list[Amount]:
    """One for each currency that is not nothing."""
    sums: dict[str, int] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, 0) + amount
    return [Amount(currency, amount) for currency, amount in sorted(sums.items()) if amount]
