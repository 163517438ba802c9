"""What webhooks left out: every customer's subscriptions, invoices and packs, asked for anew."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from billing import invoices, packs, subscriptions
from billing.errors import BillingError
from billing.gateways import Gateway
from billing.models import Customer

logger = logging.getLogger(__name__)


@dataclass
class Resynced:
    """`failed` says of whom it could not be done, and why."""

    customers: int = 0
    subscriptions: int = 0
    invoices: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def customers_of(gateway: Gateway) -> QuerySet[Customer]:
    """But those who leave."""
    return Customer.objects.filter(gateway=gateway.name, leaving_at=None).order_by("pk")


def resync(gateway: Gateway, *, at: datetime) -> Resynced:
    done = Resynced()
    for customer in customers_of(gateway):
        try:
            subscribed, billed = resync_one(gateway, customer, at=at)
        except BillingError as exc:
            logger.warning("Customer %s could not be resynced: %s", customer.stripe_id, exc)
            done.failed[customer.stripe_id] = str(exc)
        else:
            done.customers += 1
            done.subscriptions += subscribed
            done.invoices += billed
    return done


def resync_one(gateway: Gateway, customer: Customer, *, at: datetime) -> tuple[int, int]:
    """How many subscriptions and invoices they have. Raises as gateways do."""
    subscribed = subscriptions.refresh_all(gateway, customer, at=at)
    packs.record_recent(gateway, customer, at=at)
    return len(subscribed), len(invoices.record_all(gateway, customer, at=at))
