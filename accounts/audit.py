"""Who did what to whom, from where: one line for every change that somebody may ask about later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model

from accounts.models import AuditEntry


@dataclass(frozen=True)
class Actor:
    """Who acts. Nobody is named where the product itself does, such as a command or the beat."""

    user_id: UUID | None = None
    key_id: UUID | None = None
    ip: str | None = None
    request_id: str = ""


SYSTEM = Actor()


def record(
    action: str,
    *,
    by: Actor,
    subject: Model,
    at: datetime,
    workspace_id: UUID | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Add a line, in the caller's transaction. Secrets never go in; of a profile only the names of its fields."""
    return AuditEntry.objects.create(
        at=at,
        actor_id=by.user_id,
        key_id=by.key_id,
        workspace_id=workspace_id,
        action=action,
        subject=f"{subject._meta.model_name}:{subject.pk}",
        before=before or {},
        after=after or {},
        ip=by.ip,
        request_id=by.request_id,
    )
