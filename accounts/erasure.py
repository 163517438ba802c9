"""Forgetting a person: whatever tells who they were goes. The ledger, and who did what, stay without a name.

Each app takes them out of its own tables, all in one transaction. What a request had in hand at that very moment may
still be written after it, so the beat takes out once more whatever came late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts import audit, guards, letters
from accounts.audit import Actor
from accounts.errors import OwnsATeam
from accounts.holdings import own_workspaces
from accounts.models import AuditEntry, Membership, User, Workspace

# Nothing that began before somebody was erased goes on for longer.
LATEST = timedelta(hours=1)


@dataclass(frozen=True)
class Leaver:
    """Somebody who is being erased, as they were. `emails` are theirs alone: nobody else has or claims one."""

    user_id: UUID
    emails: frozenset[str]
    workspace_ids: tuple[UUID, ...]
    at: datetime

    @property
    def pseudonym(self) -> str:
        return f"erased-{self.user_id}@erased.invalid"


Eraser = Callable[[Leaver], Mapping[str, int]]
"""Takes somebody out of an app's tables, and says how many rows of what that were. Twice changes nothing."""

_erasers: list[Eraser] = []


def contribute(eraser: Eraser) -> None:
    """Apps say so when they are ready."""
    _erasers.append(eraser)


@transaction.atomic
def erase(user_id: UUID, *, by: Actor, reason: str = "", at: datetime) -> dict[str, int]:
    """How many rows of what were emptied or deleted: all or, if anything fails, none. Staff say a reason.

    Somebody who was erased before stays so. Raises `OwnsATeam` where others would lose their workspace.
    """
    # Those who come to belong to one of these workspaces hold it too, so nobody comes while we look.
    list(
        Workspace.objects.filter(memberships__user=user_id).order_by("pk").select_for_update(no_key=True, of=("self",))
    )
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    if user.erased_at:
        return {}
    if owned := _teams_of(user):
        raise OwnsATeam(owned)
    leaver = Leaver(user.pk, _emails_of(user), tuple(own_workspaces(user).values_list("pk", flat=True)), at)
    if user.email_verified_at:
        letters.post(letters.LAST, to=user.email)
    counts = _take_out(leaver)
    if user.email_verified_at:
        # Of an address that was merely claimed nothing is forgotten: it is somebody else's, whom tallies protect.
        for email in leaver.emails:
            guards.forget(email)
    guards.forget(user.pk)
    # Where they were when they asked is theirs too.
    by = replace(by, ip=None) if by.user_id == user.pk else by
    audit.record("user.erased", by=by, subject=user, at=at, after=counts | ({"reason": reason} if reason else {}))
    return counts


def sweep(at: datetime) -> int:
    """Take out what requests wrote that were under way; how many rows."""
    found = 0
    for user in User.objects.filter(erased_at__gt=at - LATEST):
        leaver = Leaver(user.pk, frozenset(), tuple(own_workspaces(user).values_list("pk", flat=True)), at)
        with transaction.atomic():
            found += sum(_take_out(leaver).values())
    return found


def _take_out(leaver: Leaver) -> dict[str, int]:
    # In the order of INSTALLED_APPS, the highest first: its rows hang on those below.
    return {name: count for eraser in _erasers for name, count in eraser(leaver).items() if count}


def _teams_of(user: User) -> list[str]:
    """The names of the workspaces that are theirs, and of others too."""
    owned = Workspace.objects.filter(memberships__user=user, memberships__role=Membership.Role.OWNER, deleted_at=None)
    return [workspace.name for workspace in owned if workspace.memberships.count() > 1]


def _emails_of(user: User) -> frozenset[str]:
    """The one they have and those they had, but for what is another's by now, or may be."""
    changes = AuditEntry.objects.filter(action="email.changed", subject=f"user:{user.pk}")
    known = {user.email, *(line.before["email"] for line in changes if "email" in line.before)}
    owned = {user.email} if user.email_verified_at else set()
    return frozenset(owned | {email for email in known if not User.objects.by_email(email).exclude(pk=user.pk)})
