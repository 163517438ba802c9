"""Invoices: what stands on them, and how they are paid. The customer is held by whoever calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from billing import money
from billing.errors import PaymentRefused
from billing.gateways.demo import books, cards, coupons
from billing.gateways.demo.periods import share
from billing.gateways.demo.shapes import costs, line, listed, moment, stamp

Object = dict[str, Any]

RETRIES = (timedelta(days=1), timedelta(days=3), timedelta(days=5))
"""After a first payment that failed."""
OVERAGE_CURRENCY = "usd"


# ---- What stands on them


def period_line(subscription: Object) -> Object:
    """The whole of the present period; nothing while it is a trial."""
    item = item_of(subscription)
    price = item["price"]
    if subscription["status"] == "trialing":
        return _line(item, f"Trial of {price['nickname']}", 0, start=item["current_period_start"])
    return _line(item, f"{price['nickname']}, {costs(price)}", price["unit_amount"], start=item["current_period_start"])


def change_lines(before: Object, after: Object, at: datetime) -> list[Object]:
    """The rest of the old price back, and the new one for as long as it will have been had."""
    if before["status"] == "trialing":
        return [period_line(after)]
    return [_rest(before, at, sign=-1), _rest(after, at, sign=1)]


def _rest(subscription: Object, at: datetime, *, sign: int) -> Object:
    item = item_of(subscription)
    start, end = item["current_period_start"], item["current_period_end"]
    left = min(max(end - stamp(at), 0), end - start)
    amount = share(item["price"]["unit_amount"], left, end - start)
    what = "Not used of" if sign < 0 else "For the rest of the period,"
    return _line(item, f"{what} {item['price']['nickname']}, {costs(item['price'])}", sign * amount, start=end - left)


def _line(item: Object, description: str, amount: int, *, start: int) -> Object:
    currency = item["price"]["currency"]
    return line(description, amount, currency=currency, start=start, end=item["current_period_end"])


def unbilled(subscription: Object) -> list[Object]:
    """What the meters counted and no invoice has yet. In another currency than theirs it is never billed."""
    if subscription["currency"] != OVERAGE_CURRENCY:
        return []
    counted = books.of_customer("billing.meter_event", subscription["customer"])
    return [event for event in reversed(counted) if event["invoice"] is None]


def overage_lines(events: list[Object], period: tuple[int, int]) -> list[Object]:
    """One for each meter and price."""
    units: dict[tuple[str, int], int] = {}
    for event in events:
        key = (event["event_name"], event["payload"]["unit_price"])
        units[key] = units.get(key, 0) + event["payload"]["value"]
    return [_overage_line(meter, price, count, period) for (meter, price), count in sorted(units.items())]


def _overage_line(meter: str, price: int, count: int, period: tuple[int, int]) -> Object:
    description = f"{meter.capitalize()} beyond the plan, {money.written(price, OVERAGE_CURRENCY)} each"
    start, end = period
    return line(description, count * price, currency=OVERAGE_CURRENCY, start=start, end=end, quantity=count)


# ---- Making them


def draft(
    customer: Object,
    subscription: Object,
    lines: list[Object],
    *,
    reason: str,
    at: datetime,
    period: tuple[int, int] | None = None,
) -> Object:
    """Without id and number yet. What is to the customer's credit goes off first; what is below zero goes there."""
    subtotal = sum(line["amount"] for line in lines)
    off = coupons.amounts(subscription["discounts"], subtotal)
    total = subtotal - sum(each["amount"] for each in off)
    balance = customer["balance"] + total
    start, end = period or (stamp(at), stamp(at))
    return {
        "id": "",
        "object": "invoice",
        "customer": customer["id"],
        "customer_address": customer.get("address"),
        "number": None,
        "status": "draft",
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "currency": subscription["currency"],
        "created": stamp(at),
        "lines": listed(lines),
        "subtotal": subtotal,
        "total_discount_amounts": off,
        "total_taxes": [],
        "total": total,
        "starting_balance": customer["balance"],
        "ending_balance": min(balance, 0),
        "amount_due": max(balance, 0),
        "amount_paid": 0,
        "amount_remaining": max(balance, 0),
        "attempt_count": 0,
        "attempted": False,
        "next_payment_attempt": None,
        "period_start": start,
        "period_end": end,
        "pre_payment_credit_notes_amount": 0,
        "post_payment_credit_notes_amount": 0,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "livemode": False,
        "metadata": {},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": subscription["id"]}},
        "status_transitions": {"finalized_at": None, "paid_at": None, "voided_at": None},
    }


def issue(customer: Object, subscription: Object, invoice: Object) -> Object:
    """Open, with its number. A discount is for the first bill there is something to take off."""
    invoice_id = books.new_id("in")
    hosted_url = f"{settings.PUBLIC_URL}/billing/demo/invoices/{invoice_id}"
    invoice |= {
        "id": invoice_id,
        "number": f"DEMO-{customer['id'][-6:].upper()}-{customer['next_invoice_sequence']:04}",
        "status": "open",
        "hosted_invoice_url": hosted_url,
        "invoice_pdf": f"{hosted_url}.pdf",
    }
    invoice["status_transitions"]["finalized_at"] = invoice["created"]
    customer["balance"] = invoice["ending_balance"]
    customer["next_invoice_sequence"] += 1
    subscription["latest_invoice"] = invoice_id
    if invoice["total_discount_amounts"]:
        subscription["discounts"] = []
    books.write(customer)
    books.write(invoice)
    return invoice


# ---- Paying them


def pay(customer: Object, invoice: Object, *, at: datetime, present: bool = False) -> None:
    """By the card that is the default. Raises `PaymentRefused`. `present`: its owner is there, and was asked."""
    if invoice["amount_due"] and not present:
        cards.check_pays(default_card(customer))
    invoice["attempt_count"] += 1 if invoice["amount_due"] else 0
    invoice |= {
        "status": "paid",
        "attempted": True,
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "next_payment_attempt": None,
    }
    invoice["status_transitions"]["paid_at"] = stamp(at)
    books.write(invoice)


def try_to_pay(customer: Object, invoice: Object, *, at: datetime, then: int | None) -> bool:
    """False where the card does not pay; `then` it is tried again, if ever."""
    try:
        pay(customer, invoice, at=at)
    except PaymentRefused:
        invoice["attempt_count"] += 1
        invoice |= {"attempted": True, "next_payment_attempt": then}
        books.write(invoice)
        return False
    return True


def next_try(invoice: Object, at: datetime) -> int | None:
    """Counted from the first; None after the last."""
    first = moment(invoice["created"])
    return next((stamp(first + wait) for wait in RETRIES if first + wait > at), None)


def stop_trying(subscription: Object) -> None:
    for invoice in open_invoices(subscription):
        books.write(invoice | {"next_payment_attempt": None})


def open_invoices(subscription: Object) -> list[Object]:
    """The oldest first."""
    bills = invoices_of(subscription)
    return [invoice for invoice in reversed(bills) if invoice["status"] == "open"]


def invoices_of(subscription: Object) -> list[Object]:
    """The newest first."""
    bills = books.of_customer("invoice", subscription["customer"])
    return [bill for bill in bills if bill["parent"]["subscription_details"]["subscription"] == subscription["id"]]


def default_card(customer: Object) -> Object | None:
    card_id = customer["invoice_settings"]["default_payment_method"]
    return books.find("payment_method", card_id) if card_id else None


def item_of(subscription: Object) -> Object:
    item: Object = subscription["items"]["data"][0]
    return item
