"""News from Stripe. What it says is looked up, not believed: an event only tells which object to ask for anew.

Each is stored under its id once its signature is right, and handled once. All that it brings about, letters among it,
is one transaction with its being handled: whatever is killed in the middle is as if it had not begun, and Stripe, the
beat, `manage.py handle_events` or the console try it again.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, transaction
from django.db.models import F, Q, QuerySet

from accounts import jobs
from accounts.bodies import read_object
from billing import dunning, invoices, packs, subscriptions
from billing.errors import BillingError, UnknownShape
from billing.gateways.stripe import StripeGateway, check_signature
from billing.models import Customer, StripeEvent, Subscription
from billing.projections import StripeObject, id_of, subscription_id_of

# A try that failed is followed by one after a minute, the next after 3, 7, 15 minutes from its arrival, and so on.
TRIES = 12
KEPT = timedelta(days=30)
LONGEST_NAME = 80

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class News:
    """Something about a customer of ours: the object as it was when Stripe wrote this, and what of it was changed."""

    gateway: StripeGateway
    customer: Customer
    about: StripeObject
    at: datetime
    before: StripeObject


def receive(body: bytes, signature: str) -> StripeEvent:
    """Store an event, unless it is there. Raises `InvalidSignature`, `MalformedBody` or `UnknownShape`."""
    check_signature(body, signature, settings.STRIPE_WEBHOOK_SECRET)
    written = read_object(body)
    try:
        about = written["data"]["object"]
        customer_id = _customer_of(about)
        event = StripeEvent(
            id=_name(written["id"]),
            type=_name(written["type"]),
            customer_id=_name(customer_id),
            payload=written if not customer_id or _ours(customer_id) else {},
            created_at=datetime.fromtimestamp(written["created"], UTC),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError) as exc:
        raise UnknownShape("event", exc) from exc
    StripeEvent.objects.bulk_create([event], ignore_conflicts=True)
    return event


def handle(event_id: str, *, at: datetime) -> bool:
    """False where that was done, or is being done at this moment. What fails is noted with the event, and raised."""
    with _failure_noted(event_id), transaction.atomic():
        waiting = StripeEvent.objects.filter(pk=event_id, handled_at=None)
        event = waiting.select_for_update(skip_locked=True).first()
        if event is None:
            return False
        _bring_about(event, at)
        event.handled_at, event.error = at, ""
        event.save(update_fields=["handled_at", "error"])
        transaction.on_commit(partial(jobs.nudge, "billing.tasks.mirror_events"))
    return True


def handle_waiting(at: datetime) -> tuple[int, int]:
    """Try again what is due; how many were handled, and how many failed once more."""
    handled = failed = 0
    for event_id in due(at).values_list("pk", flat=True):
        try:
            handled += handle(event_id, at=at)
        except (BillingError, DatabaseError, ObjectDoesNotExist, LookupError, TypeError, ValueError):
            logger.exception("Event %s could not be handled.", event_id)  # It keeps its reason, and holds up no other.
            failed += 1
    return handled, failed


def _name(written: object) -> str:
    """Raises `ValueError` for what is no name of Stripe's."""
    if not isinstance(written, str) or len(written) > LONGEST_NAME:
        raise ValueError(f"no name: {str(written)[:LONGEST_NAME]!r}")
    return written


def try_again(chosen: QuerySet[StripeEvent]) -> int:
    """Those that are not handled, given up or not, from their first try on; how many."""
    waiting = chosen.filter(handled_at=None).update(tries=0)
    transaction.on_commit(partial(jobs.nudge, "billing.tasks.handle_events"))
    return waiting


def forget_old(at: datetime) -> int:
    """Stripe repeats an event for three days."""
    return StripeEvent.objects.filter(received_at__lt=at - KEPT).delete()[0]


def due(at: datetime) -> QuerySet[StripeEvent]:
    """Those that a try is due of, the oldest first."""
    waits = [Q(tries=tries, received_at__lte=at - timedelta(minutes=2**tries - 1)) for tries in range(TRIES)]
    waited = waits[0]
    for wait in waits[1:]:
        waited |= wait
    return StripeEvent.objects.filter(waited, handled_at=None).order_by("created_at")


@contextmanager
def _failure_noted(event_id: str) -> Iterator[None]:
    is_done = False
    try:
        yield
        is_done = True
    finally:
        if not is_done:
            _note(event_id, sys.exception())


def _note(event_id: str, failure: BaseException | None) -> None:
    reason = f"{type(failure).__name__}: {failure}"[:300]
    StripeEvent.objects.filter(pk=event_id, handled_at=None).update(error=reason, tries=F("tries") + 1)


# ---- What it brings about --------------------------------------------------------------------------------------------


def _bring_about(event: StripeEvent, at: datetime) -> None:
    customer = _ours(event.customer_id)
    verb = VERBS.get(event.type)
    if customer and verb and event.payload:
        gateway, told = StripeGateway(settings.STRIPE_SECRET_KEY), event.payload["data"]
        verb(News(gateway, customer, told["object"], at, before=told.get("previous_attributes") or {}))


def _ours(customer_id: str) -> Customer | None:
    """None for the customers of other products on the same account, and for those who leave us."""
    return Customer.objects.filter(gateway=StripeGateway.name, stripe_id=customer_id, leaving_at=None).first()


def _customer_of(about: StripeObject) -> str:
    if about.get("object") == "customer":
        return str(about["id"])
    return id_of(about["customer"]) if about.get("customer") else ""


def _subscription(news: News) -> None:
    _refresh(news, str(news.about["id"]))


def _trial_will_end(news: News) -> None:
    dunning.trial_will_end(_refresh(news, str(news.about["id"])), at=news.at)


def _invoice(news: News) -> None:
    """The subscription first, so that the invoice finds it."""
    if subscription_id := subscription_id_of(news.about):
        _refresh(news, subscription_id)
    _record(news, str(news.about["id"]))


def _checkout(news: News) -> None:
    if news.about.get("subscription"):
        _refresh(news, id_of(news.about["subscription"]))
    if news.about.get("invoice"):
        _record(news, id_of(news.about["invoice"]))
    _pack(news)


def _pack(news: News) -> None:
    """Nothing where it is about something else that was paid."""
    if purchase_id := packs.named_by(news.customer, news.about):
        packs.record(news.gateway, purchase_id, at=news.at, payment_id=str(news.about["id"]))


def _credit_note(news: News) -> None:
    _record(news, id_of(news.about["invoice"]))


def _refund(news: News) -> None:
    if not news.about.get("payment_intent"):
        return
    payment_id = id_of(news.about["payment_intent"])
    if purchase_id := packs.paid_by(news.customer, payment_id):
        packs.record(news.gateway, purchase_id, at=news.at)
        return
    for invoice_id in news.gateway.invoices_paid_by(payment_id):
        _record(news, invoice_id)


def _customer_changed(news: News) -> None:
    """Perhaps in the portal, by a new card. Stripe would try it when the next try is due, and not before."""
    if "invoice_settings" in news.before:
        news.gateway.try_what_is_owed(news.customer.stripe_id)


def _customer_is_gone(news: News) -> None:
    """Somebody deleted it at Stripe, which ended its subscriptions. The next purchase makes another."""
    running = Subscription.objects.filter(workspace=news.customer.workspace_id, gateway=StripeGateway.name).open()
    for subscription in running:
        _refresh(news, subscription.stripe_id)
    news.customer.delete()


def _refresh(news: News, subscription_id: str) -> Subscription:
    return subscriptions.refresh(news.gateway, news.customer.stripe_id, subscription_id, at=news.at)


def _record(news: News, invoice_id: str) -> None:
    invoices.record(news.gateway, news.customer.stripe_id, invoice_id, at=news.at)


# What is not named here is kept, and brings nothing about: cards, for one, are asked for when somebody looks.
VERBS: dict[str, Callable[[News], None]] = {
    "checkout.session.completed": _checkout,
    "checkout.session.async_payment_succeeded": _checkout,
    "checkout.session.async_payment_failed": _checkout,
    "checkout.session.expired": _pack,
    "payment_intent.succeeded": _pack,
    "payment_intent.payment_failed": _pack,
    "payment_intent.canceled": _pack,
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.deleted": _subscription,
    "customer.subscription.paused": _subscription,
    "customer.subscription.resumed": _subscription,
    "customer.subscription.trial_will_end": _trial_will_end,
    "invoice.finalized": _invoice,
    "invoice.updated": _invoice,
    "invoice.paid": _invoice,
    "invoice.payment_succeeded": _invoice,
    "invoice.payment_failed": _invoice,
    "invoice.payment_action_required": _invoice,
    "invoice.marked_uncollectible": _invoice,
    "invoice.voided": _invoice,
    "charge.refunded": _refund,
    "refund.created": _refund,
    "refund.updated": _refund,
    "credit_note.created": _credit_note,
    "credit_note.voided": _credit_note,
    "customer.updated": _customer_changed,
    "customer.deleted": _customer_is_gone,
}
