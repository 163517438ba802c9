"""The simulated Stripe's time: renewals, retries, trials that end. Each with its news, as webhooks would bring it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings

from billing import customers, dunning, invoices, packs, subscriptions
from billing.errors import BillingError
from billing.gateways.demo import DemoGateway
from billing.models import Customer, Simulated, Subscription

logger = logging.getLogger(__name__)


def play(at: datetime, *, customer_id: str | None = None) -> int:
    """Move every subscription whose time has come, or one customer's; how many moved. Nothing where Stripe is set up.

    What fails for one customer is logged, holds nobody else up, and is tried again by the next who comes.
    """
    if settings.STRIPE_SECRET_KEY:
        return 0
    due = Simulated.objects.filter(kind="subscription", due_at__lte=at).order_by("due_at")
    if customer_id:
        due = due.filter(customer_id=customer_id)
    return sum(_move(row_id, customer, at) for row_id, customer in list(due.values_list("pk", "customer_id")))


def _move(subscription_id: str, customer_id: str, at: datetime) -> bool:
    try:
        with acting(customer_id, at=at) as gateway:
            # Two clocks may see it due at once, and one of them comes second.
            if not Simulated.objects.filter(pk=subscription_id, due_at__lte=at).exists():
                return False
            gateway.catch_up(subscription_id)
    except (BillingError, Customer.DoesNotExist):
        logger.exception("The simulated subscription %s could not be moved.", subscription_id)
        return False
    return True


@contextmanager
def acting(customer_id: str, *, at: datetime) -> Iterator[DemoGateway]:
    """Something happens at the simulated Stripe, and we hear of it: both, or neither."""
    gateway = DemoGateway(clock=lambda: at)
    with customers.alone(customer_id):
        # Everybody takes the customer, the workspace, the books, in this order.
        customer = Customer.objects.get(stripe_id=customer_id)
        subscriptions.hold(customer.workspace_id)
        yield gateway
        for subscription in subscriptions.refresh_all(gateway, customer, at=at):
            _remind(gateway, subscription, at=at)
        packs.record_recent(gateway, customer, at=at)
        invoices.record_all(gateway, customer, at=at)  # Where time was played, the past has moved.


def _remind(gateway: DemoGateway, subscription: Subscription, *, at: datetime) -> None:
    if "trial_will_end" in gateway.subscription(subscription.stripe_id)["metadata"]:
        dunning.trial_will_end(subscription, at=at)
