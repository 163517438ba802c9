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
    prices = _prices()
    for price in prices:
        if gateway.push_plan(price.plan):
            yield _product(price.plan)
        if _push_price(gateway, price):
            yield f"price {price.lookup_key}"
    for meter, unit_price in _overages(prices):
        if gateway.push_meter(meter, unit_price):
            yield f"meter {meter} at {unit_price} each"


def on_offer() -> list[str]:
    """All that should be there, in the same words. The gateway is not asked."""
    prices = _prices()
    products = dict.fromkeys(_product(price.plan) for price in prices)
    meters = [f"meter {meter} at {unit_price} each" for meter, unit_price in _overages(prices)]
    return [*products, *(f"price {price.lookup_key}" for price in prices), *meters]


def _prices() -> list[Price]:
    found = Price.objects.current().filter(plan__is_offered=True, amount__gt=0).select_related("plan")
    return list(found.order_by("plan__rank"))


def _product(plan: Plan) -> str:
    return f"product {plan.product_id}"


def _push_price(gateway: Gateway, price: Price) -> bool:
    """False where we knew its id."""
    stripe_id = gateway.push_price(price)
    return bool(Price.objects.filter(pk=price.pk).exclude(stripe_id=stripe_id).update(stripe_id=stripe_id))


def _overages(prices: list[Price]) -> list[tuple[str, int]]:
    """What is billed beyond a plan, and what a unit of it costs."""
    offered = [price.plan for price in prices]
    billed = PlanLimit.objects.filter(plan__in=offered, overage_price__gt=0).order_by("meter", "overage_price")
    return [(meter, price) for meter, price in billed.values_list("meter", "overage_price").distinct() if price]
