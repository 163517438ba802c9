"""Who did what to whom, from where: one line for every change that somebody may ask about later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model, Q, QuerySet, TextField
from django.db.models.functions import Cast, Concat

from accounts.models import AuditEntry


@dataclass(frozen=True)
class Actor:
    """Who acts. Nobody is named where the product itself does, such as a command or the beat."""

    user_id: UUID | None = None
    key_id: UUID | None = None
    ip: str | None = None
    request_id: str = ""

    @property
    def name(self) -> str:
        """As a line of the ledger says it: `user:` and an id, which names nobody by itself, or `system`."""
        return f"user:{self.user_id}" if self.user_id else "system"


SYSTEM = Actor()

ERASED = "erased"
# What stands under these names is of the product's making, and tells of nobody.
IMPERSONAL = {
    "currency",
    "period_end",
    "role",
    "status",
    "scopes",
    "fields",
    "plan",
    "limits",
    "expires_at",
    "former_until",
    "time_zone",
    "factor",
}


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
        subject=name_of(subject.__class__, subject.pk),
        before=before or {},
        after=after or {},
        ip=by.ip,
        request_id=by.request_id,
    )


def name_of(model: type[Model], pk: object) -> str:
    """As the log names a row."""
    return f"{model._meta.model_name}:{pk}"


def forget(subjects: Collection[str], *, actor_id: UUID, emails: Collection[str]) -> int:
    """Take a person out of the lines by them, about these subjects, or with these addresses; how many.

    What was done, when, and to which row stays. Inside a transaction alone, whose right to do so ends here.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL stipend.erasing = 'on'")
        changed = [line for line in _lines_of(subjects, actor_id, emails) if _emptied(line, subjects, actor_id, emails)]
        AuditEntry.objects.bulk_update(changed, ["before", "after", "ip"], batch_size=500)
        cursor.execute("SET LOCAL stipend.erasing = 'off'")
    return len(changed)


def _lines_of(subjects: Collection[str], actor_id: UUID, emails: Collection[str]) -> QuerySet[AuditEntry]:
    found = Q(actor=actor_id) | Q(subject__in=subjects)
    for email in emails:
        found |= Q(said__icontains=email)
    said = Concat(Cast("before", TextField()), Cast("after", TextField()))
    return AuditEntry.objects.alias(said=said).filter(found)


def _emptied(line: AuditEntry, subjects: Collection[str], actor_id: UUID, emails: Collection[str]) -> bool:
    """False where there was nothing to take out."""
    former = (line.before, line.after, line.ip)
    theirs = line.actor_id == actor_id or line.subject in subjects
    line.before, line.after = (
        _without_words(said) if theirs else _without(emails, said) for said in (line.before, line.after)
    )
    line.ip = None if line.actor_id in (actor_id, None) else line.ip
    return (line.before, line.after, line.ip) != former


def _without_words(said: Any, name: str = "") -> Any:
    """Numbers and what is impersonal stay."""
    match said:
        case dict():
            return {key: _without_words(value, key) for key, value in said.items()}
        case list():
            return [_without_words(value, name) for value in said]
        case str() if name not in IMPERSONAL:
            return ERASED
    return said


def _without(emails: Collection[str], said: Any) -> Any:
    match said:
        case dict():
            return {key: _without(emails, value) for key, value in said.items()}
        case list():
            return [_without(emails, value) for value in said]
        case str() if any(email.lower() in said.lower() for email in emails):
            return ERASED
    return said
