"""The pages one is sent to: the checkout for a day, the portal for an hour. Who knows the id may use the page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from billing.errors import GatewayRejected
from billing.gateways.base import Page, Purchase
from billing.gateways.demo import books, shapes
from billing.gateways.demo.shapes import moment, stamp

Object = dict[str, Any]

CHECKOUT, PORTAL = "checkout.session", "billing_portal.session"
CHECKOUT_LIVES = timedelta(hours=24)
PORTAL_LIVES = timedelta(hours=1)


def checkout(purchase: Purchase, *, at: datetime) -> Page:
    session_id = books.new_id("cs")
    session = {
        "id": session_id,
        "object": CHECKOUT,
        "mode": "subscription",
        "status": "open",
        "payment_status": "unpaid",
        "customer": purchase.customer_id,
        "client_reference_id": str(purchase.workspace_id),
        "allow_promotion_codes": True,
        "line_items": shapes.listed([{"object": "item", "price": shapes.price(purchase.price), "quantity": 1}]),
        "subscription_data": {"trial_period_days": purchase.trial_days},
        "success_url": purchase.success_url.replace("{CHECKOUT_SESSION_ID}", session_id),
        "cancel_url": purchase.cancel_url,
        "subscription": None,
        "created": stamp(at),
        "expires_at": stamp(at + CHECKOUT_LIVES),
        "url": f"{settings.PUBLIC_URL}/billing/demo/checkout/{session_id}",
        "livemode": False,
    }
    return _opened(session)


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
