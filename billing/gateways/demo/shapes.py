"""Objects as Stripe's API has them today. Pure: each is made of what it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from billing import money
from billing.gateways.base import PackOrder
from billing.gateways.demo.periods import end_of
from billing.models import Overage, Price

Object = dict[str, Any]


def stamp(at: datetime) -> int:
    return int(at.timestamp())


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def listed(things: list[Object]) -> Object:
    return {"object": "list", "data": things, "has_more": False}


def customer(customer_id: str, workspace_id: UUID, *, name: str, email: str, at: datetime) -> Object:
    """A `balance` below zero is money they have to their credit."""
    return {
        "id": customer_id,
        "object": "customer",
        "name": name,
        "email": email,
        "balance": 0,
        "created": stamp(at),
        "livemode": False,
        "metadata": {"workspace_id": str(workspace_id)},
        "next_invoice_sequence": 1,
        "invoice_settings": {"default_payment_method": None},
    }


def price(of: Price) -> Object:
    return {
        "id": f"demo_price_{of.lookup_key}",
        "object": "price",
        "active": of.is_current,
        "currency": of.currency.lower(),
        "unit_amount": of.amount,
        "lookup_key": of.lookup_key,
        "nickname": of.plan.name,
        "product": of.plan.product_id,
        "type": "recurring",
        "billing_scheme": "per_unit",
        "livemode": False,
        "recurring": {"interval": of.interval, "interval_count": of.interval_count, "usage_type": "licensed"},
    }


def price_of_pack(order: PackOrder) -> Object:
    return {
        "object": "price",
        "currency": order.currency.lower(),
        "unit_amount": order.price,
        "nickname": order.name,
        "type": "one_time",
        "recurring": None,
        "livemode": False,
    }


def payment(payment_id: str, customer_id: str, price: Object, *, metadata: Object, at: datetime) -> Object:
    """One that was made. The charge stands in it, as Stripe gives it where that is asked for."""
    amount = price["unit_amount"]
    charge = {
        "id": f"{payment_id}_charge",
        "object": "charge",
        "amount": amount,
        "amount_refunded": 0,
        "created": stamp(at),
        "payment_intent": payment_id,
    }
    return {
        "id": payment_id,
        "object": "payment_intent",
        "customer": customer_id,
        "status": "succeeded",
        "amount": amount,
        "amount_received": amount,
        "currency": price["currency"],
        "created": stamp(at),
        "description": price["nickname"],
        "last_payment_error": None,
        "latest_charge": charge,
        "livemode": False,
        "metadata": metadata,
    }


def period_end(price: Object, start: datetime, *, anchor: datetime) -> datetime:
    every = price["recurring"]
    return end_of(start, every["interval"], every["interval_count"], anchor=anchor)


def subscription(
    subscription_id: str, customer_id: str, price: Object, *, trial_days: int, discounts: list[Object], at: datetime
) -> Object:
    trial_end = at + timedelta(days=trial_days) if trial_days else None
    ends_at = trial_end or period_end(price, at, anchor=at)
    item = {
        "id": f"{subscription_id}_item",
        "object": "subscription_item",
        "subscription": subscription_id,
        "price": price,
        "quantity": 1,
        "current_period_start": stamp(at),
        "current_period_end": stamp(ends_at),
    }
    return {
        "id": subscription_id,
        "object": "subscription",
        "customer": customer_id,
        "status": "trialing" if trial_end else "active",
        "currency": price["currency"],
        "created": stamp(at),
        "start_date": stamp(at),
        "billing_cycle_anchor": stamp(trial_end or at),
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"reason": None},
        "collection_method": "charge_automatically",
        "discounts": discounts,
        "ended_at": None,
        "items": listed([item]),
        "latest_invoice": None,
        "livemode": False,
        "metadata": {},
        "trial_start": stamp(at) if trial_end else None,
        "trial_end": stamp(trial_end) if trial_end else None,
    }


def line(description: str, amount: int, *, currency: str, start: int, end: int, quantity: int = 1) -> Object:
    return {
        "object": "line_item",
        "description": description,
        "amount": amount,
        "currency": currency,
        "quantity": quantity,
        "period": {"start": start, "end": end},
    }


def every(price: Object) -> str:
    """`a month`, `every 30 days`."""
    interval, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    return f"a {interval}" if count == 1 else f"every {count} {interval}s"


def costs(price: Object) -> str:
    """`$29.00 a month`, or `$5.00` for what is paid once."""
    amount = money.written(price["unit_amount"], price["currency"])
    return f"{amount} {every(price)}" if price["recurring"] else amount


def meter_event(customer_id: str, overage: Overage) -> Object:
    """`invoice` is the one that bills it, once there is one."""
    return {
        "id": f"demo_mev_{overage.pk.hex}",
        "object": "billing.meter_event",
        "customer": customer_id,
        "identifier": str(overage.pk),
        "event_name": overage.meter,
        "timestamp": stamp(overage.used_at),
        "payload": {"value": overage.units, "unit_price": overage.unit_price},
        "invoice": None,
    }
