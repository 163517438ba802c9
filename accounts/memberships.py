"""Who belongs to a workspace, and as what. Whoever changes that holds the workspace, so changes come one by one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts import api_keys, audit, invitations
from accounts.audit import Actor
from accounts.callers import ROLE_SCOPES
from accounts.errors import OwnerOnly, OwnerStays, PersonalWorkspace, UnknownMember
from accounts.models import ApiKey, Invitation, InvitationQuerySet, Membership, Scope, User, Workspace
from accounts.standing import hold

OWNER = Membership.Role.OWNER


@transaction.atomic
def change(workspace_id: UUID, user_id: UUID, *, as_role: str, by: Actor, at: datetime, **fields: Any) -> Membership:
    """Their role, their own limits, by somebody who is `as_role` there: only the owner changes the owner's limits, and
    only `transfer` gives and takes the owner's role. Raises `UnknownMember`, `OwnerOnly`, `OwnerStays`."""
    member = _held(workspace_id, user_id)
    if member.role == OWNER and as_role != OWNER:
        raise OwnerOnly
    if OWNER in (member.role, fields.get("role")) and fields.get("role", member.role) != member.role:
        raise OwnerStays
    before = told(member)
    for name, value in fields.items():
        setattr(member, name, value)
    if fields:
        member.save(update_fields=list(fields))
        _withdraw_what_they_may_not_offer(member, by=by, at=at)
        audit.record(
            "membership.changed",
            by=by,
            subject=member,
            at=at,
            workspace_id=workspace_id,
            before=before,
            after=told(member),
        )
    return member


@transaction.atomic
def end(workspace_id: UUID, user_id: UUID, *, by: Actor, at: datetime) -> None:
    """They leave, or are removed, and their keys there with them. Raises `UnknownMember`, `OwnerStays`."""
    member = _held(workspace_id, user_id)
    if member.role == OWNER:
        raise PersonalWorkspace if member.workspace.personal_to_id else OwnerStays
    finish(member, by=by, at=at)


@transaction.atomic
def transfer(workspace_id: UUID, *, owner_id: UUID, to: UUID, by: Actor, at: datetime) -> None:
    """Another member owns it, and who did is an admin. Raises `OwnerOnly`, `UnknownMember`, `PersonalWorkspace`."""
    workspace = hold(workspace_id)
    if workspace.personal_to_id:
        raise PersonalWorkspace
    members = workspace.memberships
    if not members.filter(user=owner_id, role=OWNER).update(role=Membership.Role.ADMIN):
        raise OwnerOnly
    if not members.filter(user=to).update(role=OWNER):
        raise UnknownMember
    audit.record(
        "workspace.transferred",
        by=by,
        subject=workspace,
        at=at,
        workspace_id=workspace_id,
        before={"owner_id": str(owner_id)},
        after={"owner_id": str(to)},
    )


def finish(member: Membership, *, by: Actor, at: datetime) -> None:
    """The end of a membership, whatever its role, in a workspace that is held."""
    api_keys.revoke_all(ApiKey.objects.filter(workspace=member.workspace_id, user=member.user_id), by=by, at=at)
    invitations.revoke_all(_offered_by(member), by=by, at=at)
    audit.record(
        "membership.ended", by=by, subject=member, at=at, workspace_id=member.workspace_id, before=told(member)
    )
    member.delete()


def who_looks_after(workspace: Workspace) -> QuerySet[User]:
    """Owner and admins, as far as we know that their address is theirs: whom letters about a workspace go to."""
    keepers = workspace.memberships.filter(role__in=[OWNER, Membership.Role.ADMIN])
    return User.objects.filter(memberships__in=keepers, is_active=True).exclude(email_verified_at=None)


def told(member: Membership) -> dict[str, object]:
    """What the audit log may know of a membership."""
    return {"user_id": str(member.user_id), "role": member.role, "limits": member.limits}


def _held(workspace_id: UUID, user_id: UUID) -> Membership:
    member = hold(workspace_id).memberships.select_related("user").filter(user=user_id).first()
    if member is None:
        raise UnknownMember
    return member


def _withdraw_what_they_may_not_offer(member: Membership, *, by: Actor, at: datetime) -> None:
    if Scope.ADMIN not in ROLE_SCOPES[member.role]:
        invitations.revoke_all(_offered_by(member), by=by, at=at)


def _offered_by(member: Membership) -> InvitationQuerySet:
    return Invitation.objects.filter(workspace=member.workspace_id, invited_by=member.user_id)
