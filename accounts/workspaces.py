"""Making, renaming and deleting workspaces."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import audit, invitations, memberships
from accounts.audit import Actor
from accounts.errors import OwnerOnly, PersonalWorkspace, TooManyWorkspaces
from accounts.models import Invitation, Membership, User, Workspace
from accounts.standing import hold


@transaction.atomic
def create(owner_id: UUID, *, name: str, by: Actor, at: datetime, **fields: str) -> Membership:
    """A workspace, and its owner's membership in it. Raises `TooManyWorkspaces`."""
    # Their row is the lock: of two at once, the second counts the first.
    owner = User.objects.select_for_update(no_key=True).get(pk=owner_id)
    if owner.memberships.filter(role=Membership.Role.OWNER).count() >= settings.WORKSPACES_OWNED:
        raise TooManyWorkspaces
    workspace = Workspace.objects.create(name=name, **{"email": owner.email, **fields})
    audit.record("workspace.created", by=by, subject=workspace, at=at, workspace_id=workspace.id, after=told(workspace))
    return Membership.objects.create(workspace=workspace, user=owner, role=Membership.Role.OWNER)


@transaction.atomic
def change(workspace_id: UUID, *, by: Actor, at: datetime, **fields: Any) -> Workspace:
    """Its name, its time zone, where its invoices go."""
    workspace = hold(workspace_id)
    before = told(workspace)
    for name, value in fields.items():
        setattr(workspace, name, value)
    if fields:
        workspace.save(update_fields=list(fields))
        audit.record(
            "workspace.changed",
            by=by,
            subject=workspace,
            at=at,
            workspace_id=workspace_id,
            before=before,
            after={**told(workspace), "fields": sorted(fields)},
        )
    return workspace


@transaction.atomic
def delete(workspace_id: UUID, *, owner_id: UUID, by: Actor, at: datetime) -> None:
    """Nobody gets in any more, with whatever key; what it made and was charged stays. Raises `OwnerOnly`."""
    workspace = hold(workspace_id)
    if workspace.personal_to_id:
        raise PersonalWorkspace
    if not workspace.memberships.filter(user=owner_id, role=Membership.Role.OWNER).exists():
        raise OwnerOnly
    invitations.revoke_all(Invitation.objects.filter(workspace=workspace), by=by, at=at)
    for member in workspace.memberships.all():
        memberships.finish(member, by=by, at=at)
    workspace.deleted_at = at
    workspace.save(update_fields=["deleted_at"])
    audit.record("workspace.deleted", by=by, subject=workspace, at=at, workspace_id=workspace_id)


def told(workspace: Workspace) -> dict[str, object]:
    """What the audit log may know of a workspace."""
    return {"name": workspace.name, "time_zone": workspace.time_zone}
