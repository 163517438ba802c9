"""People who are erased are forgotten at Stripe too, and by the copies that we have of Stripe's objects."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.db import transaction

from accounts import erasure, jobs
from accounts.erasure import Leaver
from accounts.models import Workspace
from billing import mirror, revenue
from billing.errors import BillingError
from billing.gateways import Gateway
from billing.models import Customer, Invoice, PackPurchase, RecurringRevenue, Simulated, StripeEvent, Subscription

logger = logging.getLogger(__name__)


def contribute() -> None:
    erasure.contribute(forget)


def forget(leaver: Leaver) -> dict[str, int]:
    """What Stripe wrote about them. The events stay by their ids, so that none is taken for a new one."""
    known = Customer.objects.filter(workspace__in=leaver.workspace_ids)
    if not known:
        return {}
    transaction.on_commit(partial(jobs.nudge, "billing.tasks.let_customers_go"))
    ids = [customer.stripe_id for customer in known]
    bills = Invoice.objects.filter(workspace__in=leaver.workspace_ids).exclude(hosted_url="", pdf_url="")
    return {
        "stripe events": _empty_events(ids),
        "mirrored objects": mirror.forget(ids),
        "simulated objects": Simulated.objects.filter(customer_id__in=ids).delete()[0],
        "links to invoices": bills.update(hosted_url="", pdf_url=""),
        "words of banks": PackPurchase.objects.filter(workspace__in=leaver.workspace_ids).update(error=""),
    }


def _empty_events(customer_ids: list[str]) -> int:
    """One that is being handled wants the workspace, which is held here: it is left to the sweep that comes after."""
    told = StripeEvent.objects.filter(customer_id__in=customer_ids).exclude(payload={})
    free = list(told.select_for_update(skip_locked=True).values_list("pk", flat=True))
    return StripeEvent.objects.filter(pk__in=free).update(payload={})


def let_go(gateway: Gateway, at: datetime) -> int:
    """Have the gateway delete those who leave; how many it did. The others wait for the next time."""
    _see_off_deleted_workspaces(at)
    gone = 0
    for customer in Customer.objects.filter(gateway=gateway.name, left_at=None).exclude(leaving_at=None):
        try:
            gateway.delete_customer(customer.stripe_id)
        except BillingError as exc:
            logger.warning("Customer %s was not deleted at the gateway: %s", customer.stripe_id, exc)
        else:
            gone += Customer.objects.filter(pk=customer.pk).update(left_at=at)
    return gone


def _see_off_deleted_workspaces(at: datetime) -> None:
    """Nobody gets into them any more, so nobody shall pay for them."""
    deleted = Workspace.objects.exclude(deleted_at=None)
    paying = RecurringRevenue.objects.filter(workspace__in=deleted, ends_at=None)
    theirs = list(paying.values_list("workspace", flat=True))
    Subscription.objects.open().filter(workspace__in=deleted).update(
        status=Subscription.Status.CANCELED, canceled_at=at
    )
    revenue.follow(theirs, at=at)
    Customer.objects.filter(workspace__in=deleted, leaving_at=None).update(leaving_at=at)
