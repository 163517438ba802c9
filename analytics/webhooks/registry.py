"""Webhooks: who is told, of what, and with which secret."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.audit import Actor
from accounts.factors import sealing
from accounts.models import Workspace
from analytics.errors import TooManyWebhooks
from analytics.models import Delivery, Event, Webhook
from analytics.webhooks import addresses

Kind = Event.Kind

CUSTOMERS_KINDS = [
    (str(kind.value), str(kind.label))
    for kind in (
        Kind.ALLOWANCE_REACHED,
        Kind.SUBSCRIPTION_CHANGED,
        Kind.STRATEGY_GENERATED,
        Kind.OPERATION_EXECUTED,
    )
]
OPERATORS_KINDS = [(str(kind.value), str(kind.label)) for kind in Kind if kind != Kind.CHAT_COMPLETED]


def of(workspace_id: UUID | None) -> QuerySet[Webhook]:
    """A customer's; None: the operator's."""
    return Webhook.objects.filter(workspace=workspace_id)


@transaction.atomic
def create(workspace_id: UUID | None, *, url: str, kinds: list[str], by: Actor, at: datetime) -> tuple[Webhook, str]:
    """With its secret, which nobody is shown again. Raises `AddressRefused` and `TooManyWebhooks`."""
    addresses.parsed(url)
    if workspace_id:  # Two at once would both count too few.
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace_id)
    if of(workspace_id).count() >= settings.WEBHOOKS_EACH:
        raise TooManyWebhooks(settings.WEBHOOKS_EACH)
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    made = Webhook.objects.create(
        workspace_id=workspace_id, url=url, kinds=sorted(set(kinds)), secret=sealing.seal(secret), created_at=at
    )
    _note("webhook.created", made, by=by, at=at, after=_said(made))
    return made, secret


@transaction.atomic
def change(webhook: Webhook, changes: Mapping[str, Any], *, by: Actor, at: datetime) -> Webhook:
    """`url`, `kinds` and `is_active`. Switched on, it begins anew; switched off, nothing waits for it any more.

    Raises `AddressRefused`.
    """
    kept = Webhook.objects.select_for_update().get(pk=webhook.pk)
    before = _said(kept)
    if "url" in changes:
        addresses.parsed(changes["url"])
        kept.url = changes["url"]
    if "kinds" in changes:
        kept.kinds = sorted(set(changes["kinds"]))
    if "is_active" in changes:
        switch(kept, on=changes["is_active"])
    kept.save()
    if before != _said(kept):
        _note("webhook.changed", kept, by=by, at=at, before=before, after=_said(kept))
    return kept


def switch(webhook: Webhook, *, on: bool) -> None:
    """To be saved by whoever asks."""
    if on and not webhook.is_active:
        webhook.failing_since = webhook.switched_off_at = None
    if not on:
        Delivery.objects.filter(webhook=webhook).exclude(due_at=None).update(due_at=None)
    webhook.is_active = on


@transaction.atomic
def delete(webhook: Webhook, *, by: Actor, at: datetime) -> None:
    """With what was delivered to it."""
    kept = Webhook.objects.select_for_update().get(pk=webhook.pk)
    _note("webhook.deleted", kept, by=by, at=at, before=_said(kept))
    kept.delete()


def _said(webhook: Webhook) -> dict[str, Any]:
    """Not where it leads, which may hold a secret."""
    return {"kinds": webhook.kinds, "is_active": webhook.is_active}


def _note(action: str, webhook: Webhook, *, by: Actor, at: datetime, **told: Any) -> None:
    audit.record(action, by=by, subject=webhook, at=at, workspace_id=webhook.workspace_id, **told)
