"""The one promotion code of the simulation."""

from __future__ import annotations

from typing import Any

from billing.errors import GatewayRejected
from billing.gateways.demo import books

Object = dict[str, Any]

CODE = "DEMO20"
PERCENT = 20


def discounts_for(code: str) -> list[Object]:
    """None for no code. Raises `GatewayRejected` for one that does not exist."""
    if not code.strip():
        return []
    if code.strip().upper() != CODE:
        raise GatewayRejected(f"There is no such promotion code. The simulation has one: {CODE}.")
    coupon = {"id": CODE, "object": "coupon", "percent_off": PERCENT, "duration": "once", "valid": True}
    return [
        {
            "id": books.new_id("di"),
            "object": "discount",
            "promotion_code": CODE,
            "source": {"type": "coupon", "coupon": coupon},
        }
    ]


def amounts(discounts: list[Object], subtotal: int) -> list[Object]:
    """What each takes off, to the nearest minor unit, and half of one up. Nothing of what costs nothing."""
    if subtotal <= 0:
        return []
    return [{"discount": each["id"], "amount": (subtotal * _percent(each) + 50) // 100} for each in discounts]


def _percent(discount: Object) -> int:
    return int(discount["source"]["coupon"]["percent_off"])
