"""What was used beyond the plan: noted with the entry that brought it, reported to the gateway's meter from an outbox.

A meter of Stripe's bills and never gates: whether a request goes on, the ledger alone decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from billing.errors import GatewayRejected, GatewayUnavailable
from billing.gateways import Gateway
from billing.models import Customer, Overage

State = Overage.State

# Stands in the ledger's own statement, behind a table `beyond` of what an entry brought beyond its plan, so that
# either both are there or neither.
NOTE_OVERAGE = """
    INSERT INTO billing_overage
        (id, workspace_id, entry_id, meter, units, unit_price, used_at, state, tries, due_at, error)
    SELECT gen_random_uuid(), workspace_id, entry_id, meter, units, unit_price, now(), 'waiting', 0, now(), ''
    FROM beyond WHERE units > 0
"""


def report_next(gateway: Gateway, at: datetime) -> bool:
    """Report what has waited longest; False when nothing is due.

    The try is counted before anything is sent: who dies with it in hand leaves it to the next try, and the gateway
    counts the second report of the same id once.
    """
    overage = _take(at)
    if overage:
        _report(gateway, overage, at)
    return overage is not None


@transaction.atomic
def _take(at: datetime) -> Overage | None:
    due = Overage.objects.filter(state=State.WAITING, due_at__lte=at).order_by("due_at")
    overage = due.select_for_update(skip_locked=True).first()
    if overage:
        overage.tries += 1
        overage.due_at = at + _wait(overage.tries)
        overage.save(update_fields=["tries", "due_at"])
    return overage


def _wait(tries: int) -> timedelta:
    waits = settings.OVERAGE_WAITS
    return timedelta(minutes=waits[min(tries, len(waits)) - 1])


def _report(gateway: Gateway, overage: Overage, at: datetime) -> None:
    customer = Customer.objects.filter(workspace=overage.workspace_id, gateway=gateway.name).first()
    try:
        if customer is None:
            raise GatewayRejected("This workspace is no customer of the gateway's, so nobody can be billed.")
        gateway.report(customer.stripe_id, overage)
    except GatewayUnavailable as exc:
        _note_failure(overage, str(exc), given_up=at - overage.used_at > settings.OVERAGE_REPORTED_WITHIN)
    except GatewayRejected as exc:
        _note_failure(overage, str(exc), given_up=overage.tries >= len(settings.OVERAGE_WAITS))
    else:
        overage.state, overage.reported_at, overage.due_at, overage.error = State.REPORTED, at, None, ""
        overage.save(update_fields=["state", "reported_at", "due_at", "error"])


def _note_failure(overage: Overage, why: str, *, given_up: bool) -> None:
    """What was given up stays in the console, to be tried again."""
    overage.error = why[:300]
    if given_up:
        overage.state, overage.due_at = State.GIVEN_UP, None
    overage.save(update_fields=["error", "state", "due_at"])


def try_again(chosen: QuerySet[Overage], at: datetime) -> int:
    """Those that were given up; how many."""
    return chosen.filter(state=State.GIVEN_UP).update(state=State.WAITING, due_at=at, tries=0)
