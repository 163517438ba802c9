"""Which gateway takes the money: Stripe where a key is set, else one that simulates it and says so."""

from __future__ import annotations

from django.conf import settings

from billing.gateways.base import Card, Gateway, PackOrder, Page, Purchase
from billing.gateways.demo import DemoGateway
from billing.gateways.stripe import StripeGateway

__all__ = ["Card", "DemoGateway", "Gateway", "PackOrder", "Page", "Purchase", "gateway"]


def gateway() -> Gateway:
    return StripeGateway(settings.STRIPE_SECRET_KEY) if settings.STRIPE_SECRET_KEY else DemoGateway()
