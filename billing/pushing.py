"""What is sold, at the gateway: products, prices and meters, each made there once."""

from __future__ import annotations

from collections.abc import Iterator

from billing.gateways import Gateway
from billing.models import Plan, PlanLimit, Price


def push(gateway: Gateway) -> Iterator[str]:
    """Make what is missing there; in words what that was, as it is done. Nothing the second time.

    Only what is offered and paid for. Each price notes its id, so what was done stays where a later one fails. Raises
    what a gateway raises.
    """
    prices = Price.objects.current().filter(plan__is_offered=True, amount__gt=0).select_related("plan")
    for price in prices.order_by("plan__rank"):
        if gateway.push_plan(price.plan):
            yield f"product {price.plan.product_id}"
        if _push_price(gateway, price):
            yield f"price {price.lookup_key}"
    for meter, unit_price in _overages(offered=[price.plan for price in prices]):
        if gateway.push_meter(meter, unit_price):
            yield f"meter {meter} at {unit_price} each"


def _push_price(gateway: Gateway, price: Price) -> bool:
    """False where we knew its id."""
    stripe_id = gateway.push_price(price)
    return bool(Price.objects.filter(pk=price.pk).exclude(stripe_id=stripe_id).update(stripe_id=stripe_id))


def _overages(*, offered: list[Plan]) -> list[tuple[str, int]]:
    """What is billed beyond a plan, and what a unit of it costs."""
    billed = PlanLimit.objects.filter(plan__in=offered, overage_price__gt=0).order_by("meter", "overage_price")
    return [(meter, price) for meter, price in billed.values_list("meter", "overage_price").distinct() if price]
