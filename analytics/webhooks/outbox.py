"""The outbox of webhooks. A delivery is a row, written with its event; a worker sends it, and tries eight times.

Each arrives at least once, and twice only where a worker dies between sending and saying so: its id is the same then.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from standardwebhooks import Webhook as Signer

from accounts import audit, jobs, letters
from accounts.audit import Actor
from accounts.factors import sealing
from accounts.models import Membership, User
from analytics import events
from analytics.models import Delivery, Webhook
from analytics.webhooks import registry, sending
from analytics.webhooks.sending import NotDelivered

logger = logging.getLogger(__name__)

AT_ONCE = 20
READERS = [Membership.Role.OWNER, Membership.Role.ADMIN]

Outcome = int | NotDelivered


def deliver_due(at: datetime) -> int:
    """Try those that have waited longest, some at once, so that one slow address holds up few; how many."""
    taken = _take(at)
    outcomes = asyncio.run(_send_all(taken, at)) if taken else []
    for delivery, outcome in zip(taken, outcomes, strict=True):
        _note(delivery, outcome, at)
    return len(taken)


@transaction.atomic
def send_again(chosen: QuerySet[Delivery], *, by: Actor, at: datetime) -> int:
    """From their first try on, whether they arrived or not; how many. Those of a webhook that is off wait for it."""
    active = chosen.order_by().filter(webhook__is_active=True)
    again = list(active.select_related("webhook").select_for_update(of=("self",)))
    for delivery in again:
        told: dict[str, Any] = {"before": {"tries": delivery.tries, "status": delivery.status}, "after": {"tries": 0}}
        whose = delivery.webhook.workspace_id
        audit.record("delivery.sent_again", by=by, subject=delivery, at=at, workspace_id=whose, **told)
    rows = Delivery.objects.filter(pk__in=[delivery.pk for delivery in again])
    count = rows.update(due_at=at, tries=0, delivered_at=None)
    jobs.nudge_after_commit(events.DELIVER)
    return count


@transaction.atomic
def _take(at: datetime) -> list[Delivery]:
    """The try is counted and the next one set before anything is sent: whoever dies with it cannot hold it up."""
    due = Delivery.objects.filter(due_at__lte=at, webhook__is_active=True).order_by("due_at")
    taken = list(due.select_related("webhook", "event").select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
    for delivery in taken:
        delivery.due_at = _next_try(delivery.tries, at)
        delivery.tries += 1
        delivery.save(update_fields=["due_at", "tries"])
    return taken


def _next_try(tries: int, at: datetime) -> datetime | None:
    waits = settings.WEBHOOK_WAITS
    return at + timedelta(seconds=waits[tries]) if tries < len(waits) else None


async def _send_all(taken: Sequence[Delivery], at: datetime) -> list[Outcome]:
    return await asyncio.gather(*(_send(delivery, at) for delivery in taken))


async def _send(delivery: Delivery, at: datetime) -> Outcome:
    body = message(delivery)
    signature = Signer(sealing.unseal(delivery.webhook.secret)).sign(str(delivery.pk), at, body)
    headers = {
        "webhook-id": str(delivery.pk),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    try:
        return await sending.post(delivery.webhook.url, body.encode(), headers)
    except NotDelivered as exc:
        return exc


def message(delivery: Delivery) -> str:
    """The same at every try."""
    event = delivery.event
    about = {"workspace": event.workspace_id, "user": event.user_id, **event.data}
    told = {"type": event.kind, "timestamp": event.created_at.isoformat(), "data": about}
    return json.dumps(told, default=str, separators=(",", ":"))


# ---- what came of it -------------------------------------------------------------------------------------------------


@transaction.atomic
def _note(delivery: Delivery, outcome: Outcome, at: datetime) -> None:
    """Nothing, where it was deleted meanwhile. The webhook is locked first, as by all who change both."""
    webhook = Webhook.objects.select_for_update(no_key=True).filter(pk=delivery.webhook_id).first()
    if webhook is None:
        return
    delivery.status = outcome if isinstance(outcome, int) else None
    if isinstance(outcome, int) and 200 <= outcome < 300:
        _note_arrival(delivery, webhook, at)
    else:
        _note_failure(delivery, webhook, f"answered {outcome}" if isinstance(outcome, int) else str(outcome), at)


def _note_arrival(delivery: Delivery, webhook: Webhook, at: datetime) -> None:
    _keep(delivery, delivered_at=at, due_at=None, error="")
    Webhook.objects.filter(pk=webhook.pk).exclude(failing_since=None).update(failing_since=None)


def _keep(delivery: Delivery, **came: Any) -> None:
    """Of one that is gone, with its event, nothing is kept."""
    Delivery.objects.filter(pk=delivery.pk).update(status=delivery.status, **came)


def _note_failure(delivery: Delivery, webhook: Webhook, why: str, at: datetime) -> None:
    _keep(delivery, error=why[:100])
    webhook.failing_since = webhook.failing_since or at
    if delivery.due_at:
        # Whatever else waits for the same address need not fail as well meanwhile.
        waiting = Delivery.objects.filter(webhook=webhook, due_at__lt=delivery.due_at)
        waiting.update(due_at=delivery.due_at)
    is_over = at - webhook.failing_since >= settings.WEBHOOK_GIVEN_UP_AFTER or delivery.status == HTTPStatus.GONE
    if is_over and webhook.is_active:
        _give_up(webhook, at)
    webhook.save(update_fields=["failing_since", "is_active", "switched_off_at"])


def _give_up(webhook: Webhook, at: datetime) -> None:
    registry.switch(webhook, on=False)
    webhook.switched_off_at = at
    audit.record("webhook.switched_off", by=audit.SYSTEM, subject=webhook, at=at, workspace_id=webhook.workspace_id)
    since = webhook.failing_since or at
    of_whom = "" if webhook.workspace_id else "analytics/"
    context = {
        "address": webhook.url,
        "since": f"{since:%-d %B %Y, %H:%M} UTC",
        "path": f"/api/v1/{of_whom}webhooks/{webhook.pk}",
    }
    for reader in _readers(webhook):
        letters.post("webhook_off", to=reader.email, user=reader, context=context)


def _readers(webhook: Webhook) -> QuerySet[User]:
    """To whom an address belongs that nobody has verified, we do not know."""
    known = User.objects.filter(is_active=True).exclude(email_verified_at=None)
    if webhook.workspace_id is None:
        return known.filter(is_staff=True)
    return known.filter(memberships__workspace=webhook.workspace_id, memberships__role__in=READERS)
