"""What a subscription at Stripe consists of: the plan's price and, beside it, the metered ones that bill overage."""

from __future__ import annotations

from dataclasses import dataclass

from billing.models import PlanLimit, Price
from billing.projections import StripeObject

OVERAGE_CURRENCY = "usd"


@dataclass(frozen=True)
class Item:
    id: str
    price_id: str
    is_metered: bool


@dataclass(frozen=True)
class Change:
    """An item gets a price, is new with one, or goes."""

    item_id: str
    price_id: str


def of(subscription: StripeObject) -> list[Item]:
    return [_item(each) for each in subscription["items"]["data"]]


def _item(written: StripeObject) -> Item:
    recurring = written["price"]["recurring"] or {}
    return Item(written["id"], written["price"]["id"], is_metered=recurring.get("usage_type") == "metered")


def change(known: list[Item], wanted: list[str]) -> list[Change]:
    """From what a subscription has to `wanted`: the plan's price first, then those of its overage."""
    licensed = next(item for item in known if not item.is_metered)
    metered = [item for item in known if item.is_metered]
    there = {item.price_id for item in metered}
    return [
        Change(licensed.id, wanted[0]),
        *(Change(item.id, "") for item in metered if item.price_id not in wanted),
        *(Change("", price_id) for price_id in wanted[1:] if price_id not in there),
    ]


def overages(price: Price) -> list[PlanLimit]:
    """What the plan bills beyond its limits. A subscription has one currency, so none where it is paid in another."""
    if price.currency.lower() != OVERAGE_CURRENCY:
        return []
    return [limit for limit in price.plan.limits.all() if limit.overage_price is not None]


def overage_keys(price: Price) -> list[str]:
    return [overage_key(limit.meter, limit.overage_price or 0, price) for limit in overages(price)]


def overage_key(meter: str, unit_price: int, beside: Price) -> str:
    """The lookup key, such as `operations_overage_8_month`."""
    count = beside.interval_count if beside.interval_count > 1 else ""
    return f"{meter}_overage_{unit_price}_{count}{beside.interval}"


def overage_product(meter: str) -> str:
    return f"overage_{meter}"


def event_name(meter: str) -> str:
    return f"{meter}_beyond_plan"
