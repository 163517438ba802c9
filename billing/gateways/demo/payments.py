"""What is paid once, without an invoice. The customer is held by whoever calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from billing.errors import GatewayRejected
from billing.gateways.base import PackOrder
from billing.gateways.demo import books, cards, shapes, visits
from billing.gateways.demo.shapes import stamp

Object = dict[str, Any]

PAYMENT = "payment_intent"


def charge(order: PackOrder, card: Object | None, *, at: datetime) -> Object:
    """The same payment, whenever it is asked for again. Raises `PaymentRefused`."""
    payment_id = f"demo_pi_{order.id.hex}"
    made = books.find(PAYMENT, payment_id)
    if made:
        return made
    cards.check_pays(card)
    return _made(payment_id, order.customer_id, shapes.price_of_pack(order), {"purchase": str(order.id)}, at)


def complete(checkout: Object, *, at: datetime) -> Object:
    """The session, paid. A card that is used there is not kept."""
    payment_id = books.new_id("pi")
    _made(payment_id, checkout["customer"], visits.price_of(checkout), checkout["metadata"], at)
    checkout |= {"status": "complete", "payment_status": "paid", PAYMENT: payment_id}
    books.write(checkout)
    return checkout


def look(payment_id: str, *, at: datetime) -> Object:
    """A payment; or a checkout, with the payment in it. Raises `GatewayRejected` where there is neither."""
    made = books.find(PAYMENT, payment_id)
    if made:
        return made
    session = books.read(visits.CHECKOUT, payment_id)
    if session[PAYMENT]:
        return session | {PAYMENT: books.read(PAYMENT, session[PAYMENT])}
    return session | ({"status": "expired"} if session["expires_at"] <= stamp(at) else {})


def of_purchase(customer_id: str, purchase_id: UUID) -> Object | None:
    made = books.of_customer(PAYMENT, customer_id)
    return next((each for each in made if each["metadata"].get("purchase") == str(purchase_id)), None)


def pay_back(payment_id: str, amount: int | None) -> Object:
    """So much, or what is left. Raises `GatewayRejected` for more than that, and where nothing is."""
    payment = books.read(PAYMENT, payment_id)
    charge = payment["latest_charge"]
    left = charge["amount"] - charge["amount_refunded"]
    wanted = left if amount is None else amount
    if not 0 < wanted <= left:
        raise GatewayRejected("There is not so much to be paid back.")
    charge["amount_refunded"] += wanted
    books.write(payment)
    return payment


def _made(payment_id: str, customer_id: str, price: Object, metadata: Object, at: datetime) -> Object:
    payment = shapes.payment(payment_id, customer_id, price, metadata=metadata, at=at)
    books.write(payment)
    return payment
