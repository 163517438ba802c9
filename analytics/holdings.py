"""What analytics keeps of a person: what their workspace did, and whom it is told."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from accounts import archives
from accounts.archives import Json, rows
from accounts.holdings import own_workspaces
from accounts.models import User
from analytics.models import Alert, Event, Webhook


def contribute() -> None:
    archives.contribute("events", "What happened in your workspace, as the operator's feed tells it.", events)
    archives.contribute("alerts", "Alerts about your workspace, to the operator.", alerts)
    archives.contribute("webhooks", "The addresses that are told of events.", webhooks)


def events(user: User) -> Iterable[Json]:
    found = Event.objects.filter(Q(user=user) | Q(workspace__in=own_workspaces(user)))
    return rows(found, "id", "workspace_id", "kind", "data", "created_at")


def alerts(user: User) -> Iterable[Json]:
    found = Alert.objects.filter(Q(workspace__in=own_workspaces(user)) | Q(acknowledged_by=user))
    return rows(found, "id", "workspace_id", "rule__name", "value", "threshold", "created_at", "acknowledged_at")


def webhooks(user: User) -> Iterable[Json]:
    found = Webhook.objects.filter(workspace__in=own_workspaces(user))
    return rows(found, "id", "workspace_id", "url", "kinds", "is_active", "created_at")
