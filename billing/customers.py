"""Workspaces as the gateway knows them, and one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from accounts.models import Workspace
from billing.gateways import Gateway
from billing.models import Customer

WAIT_SECONDS = 3


def customer_of(workspace: Workspace, gateway: Gateway) -> Customer:
    """Made at the gateway with the first thing that wants one."""
    found = Customer.objects.filter(workspace=workspace, gateway=gateway.name).first()
    if found:
        return found
    stripe_id = gateway.create_customer(workspace.pk, name=workspace.name, email=workspace.email)
    # Two at once were told the same id.
    customer, _ = Customer.objects.get_or_create(
        workspace=workspace, gateway=gateway.name, defaults={"stripe_id": stripe_id}
    )
    return customer


@contextmanager
def alone(customer_id: str) -> Iterator[None]:
    """One transaction at a time for each customer: what is asked of the gateway inside it is the newest there is.

    Two that fetch side by side could otherwise write the older state over the newer one. Who waits holds a connection,
    so nobody waits for long: then it is an `OperationalError`, and 503.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"customer {customer_id}"])
        yield
