"""The simulated Stripe's books: a row for each object, in the shape Stripe's API has for it.

Whoever changes something of a customer's holds the customer first, so that two at once come one after the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.errors import GatewayRejected
from billing.models import Simulated

Object = dict[str, Any]


def new_id(prefix: str) -> str:
    """Nobody guesses it: who has the id of a page or of an invoice may see it."""
    return f"demo_{prefix}_{secrets.token_hex(16)}"


def find(kind: str, row_id: str) -> Object | None:
    row = Simulated.objects.filter(pk=row_id, kind=kind).first()
    return row.data if row else None


def read(kind: str, row_id: str) -> Object:
    """Raises `GatewayRejected` where there is none."""
    found = find(kind, row_id)
    if found is None:
        raise GatewayRejected(f"The simulated Stripe has no {kind} {row_id}.")
    return found


def of_customer(kind: str, customer_id: str) -> list[Object]:
    """The newest first."""
    rows = Simulated.objects.filter(kind=kind, customer_id=customer_id).order_by("-created_at")
    return [row.data for row in rows]


def write(thing: Object, *, due_at: datetime | None = None) -> None:
    is_customer = thing["object"] == "customer"
    customer_id = thing["id"] if is_customer else thing.get("customer") or ""
    said = {"kind": thing["object"], "customer_id": customer_id, "data": thing, "due_at": due_at}
    Simulated.objects.update_or_create(pk=thing["id"], defaults=said)


def erase(kind: str, customer_id: str) -> None:
    Simulated.objects.filter(kind=kind, customer_id=customer_id).delete()


@contextmanager
def held(customer_id: str) -> Iterator[Object]:
    """The customer, for one at a time. Raises `GatewayRejected` where there is none, or no more."""
    with transaction.atomic():
        row = Simulated.objects.select_for_update().filter(pk=customer_id, kind="customer").first()
        if row is None or row.data.get("deleted"):
            raise GatewayRejected(f"The simulated Stripe has no customer {customer_id}.")
        yield row.data


def customer_of(kind: str, row_id: str) -> str:
    """Raises `GatewayRejected` where there is no such thing."""
    return str(read(kind, row_id)["customer"])
