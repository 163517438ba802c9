"""One line for each piece of work: what it was charged, with which model, by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.callers import Caller
from accounts.models import Scope
from quotas.models import Reservation

CHUNK = 1000


@dataclass(frozen=True)
class Wanted:
    """Which lines; None: whichever. From `starts_at` on, before `ends_at`; `meter` is one that was charged."""

    meter: str | None = None
    model: str | None = None
    key: UUID | None = None
    member: UUID | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def condition(self) -> Q:
        wanted = {
            "spent__has_key": self.meter,
            "model": self.model,
            "key": self.key,
            "member": self.member,
            "created_at__gte": self.starts_at,
            "created_at__lt": self.ends_at,
        }
        return Q(**{name: value for name, value in wanted.items() if value is not None})


def lines(caller: Caller, wanted: Wanted) -> QuerySet[Reservation]:
    """Those of the whole workspace for who manages it or pays for it, else the caller's own."""
    found = Reservation.objects.filter(wanted.condition, workspace=caller.workspace_id)
    if not caller.may((Scope.ADMIN, Scope.BILLING)):
        found = found.filter(member=caller.user_id)
    return found.select_related("key", "member")


def chunk_of(found: QuerySet[Reservation], after: Reservation | None) -> list[Reservation]:
    """The next of them, the newest first; the last such chunk costs what the first does."""
    newest = found.order_by("-created_at", "-pk")
    if after:
        older = Q(created_at__lt=after.created_at) | Q(pk__lt=after.pk)
        newest = newest.filter(older, created_at__lte=after.created_at)
    return list(newest[:CHUNK])
