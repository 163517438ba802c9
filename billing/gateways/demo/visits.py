"""The pages one is sent to: the checkout for a day, the portal for an hour. Who knows the id may use the page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from billing.errors import GatewayRejected
from billing.gateways.base import PackOrder, Page, Purchase
from billing.gateways.demo import books, shapes
from billing.gateways.demo.shapes import moment, stamp

Object = dict[str, Any]

CHECKOUT, PORTAL = "checkout.session", "billing_portal.session"
CHECKOUT_LIVES = timedelta(hours=24)
PORTAL_LIVES = timedelta(hours=1)


def checkout(purchase: Purchase, *, at: datetime) -> Page:
    session = _checkout(purchase, shapes.price(purchase.price), purchase.success_url, purchase.cancel_url, at=at)
    said = {
        "mode": "subscription",
        "allow_promotion_codes": True,
        "subscription_data": {"trial_period_days": purchase.trial_days},
    }
    return _opened(session | said)


def pack_checkout(order: PackOrder, *, success_url: str, cancel_url: str, at: datetime) -> Page:
    session = _checkout(order, shapes.price_of_pack(order), success_url, cancel_url, at=at)
    said = {
        "mode": "payment",
        "allow_promotion_codes": False,
        "subscription_data": {"trial_period_days": 0},
        "metadata": {"purchase": str(order.id)},
    }
    return _opened(session | said)


def _checkout(
    bought: Purchase | PackOrder, price: Object, success_url: str, cancel_url: str, *, at: datetime
) -> Object:
    session_id = books.new_id("cs")
    return {
        "id": session_id,
        "object": CHECKOUT,
        "status": "open",
        "payment_status": "unpaid",
        "customer": bought.customer_id,
        "client_reference_id": str(bought.workspace_id),
        "line_items": shapes.listed([{"object": "item", "price": price, "quantity": 1}]),
        "success_url": success_url.replace("{CHECKOUT_SESSION_ID}", session_id),
        "cancel_url": cancel_url,
        "subscription": None,
        "payment_intent": None,
        "metadata": {},
        "created": stamp(at),
        "expires_at": stamp(at + CHECKOUT_LIVES),
        "url": f"{settings.PUBLIC_URL}/billing/demo/checkout/{session_id}",
        "livemode": False,
    }


def portal(customer_id: str, *, return_url: str, at: datetime) -> Page:
    session_id = books.new_id("bps")
    session = {
        "id": session_id,
        "object": PORTAL,
        "customer": customer_id,
        "return_url": return_url,
        "created": stamp(at),
        "expires_at": stamp(at + PORTAL_LIVES),
        "url": f"{settings.PUBLIC_URL}/billing/demo/portal/{session_id}",
        "livemode": False,
    }
    return _opened(session)


def visit(kind: str, session_id: str, *, at: datetime) -> Object:
    """Raises `GatewayRejected` for a page that is not, or no more."""
    session = books.find(kind, session_id)
    if session is None or session["expires_at"] <= stamp(at):
        raise GatewayRejected("This page is no more. Ask for a new one.")
    return session


def price_of(checkout: Object) -> Object:
    price: Object = checkout["line_items"]["data"][0]["price"]
    return price


def _opened(session: Object) -> Page:
    books.write(session)
    return Page(session["id"], session["url"], moment(session["expires_at"]))
