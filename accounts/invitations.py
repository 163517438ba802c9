"""Invitations by e-mail. Whoever reads the letter may accept it, once and in time: its link is the proof."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import api_keys, audit, letters, mail_keys
from accounts.audit import Actor
from accounts.errors import AlreadyMember, EmailNotVerified, KeyRefused, UnknownWorkspace
from accounts.models import ApiKey, Invitation, InvitationQuerySet, Membership, User, same_email
from accounts.standing import hold


@transaction.atomic
def invite(workspace_id: UUID, *, email: str, role: str, inviter_id: UUID, by: Actor, at: datetime) -> Invitation:
    """By a letter to this address. Inviting it again sends another, and renews what is open, with this role.

    Raises `AlreadyMember`, and `EmailNotVerified` for an inviter whose own address nobody has verified: the letter
    names it.
    """
    workspace = hold(workspace_id)
    inviter = User.objects.get(pk=inviter_id)
    if not inviter.email_verified_at:
        raise EmailNotVerified
    if User.objects.by_email(email).filter(email_verified_at__isnull=False, memberships__workspace=workspace).exists():
        raise AlreadyMember
    invitation = _open_or_new(workspace_id, email)
    invitation.role = role
    invitation.invited_by = inviter
    invitation.expires_at = at + settings.MAIL_KEY_LIVES["invitation"]
    action = "invitation.created" if invitation._state.adding else "invitation.renewed"
    invitation.save()
    audit.record(action, by=by, subject=invitation, at=at, workspace_id=workspace_id, after={"role": role})
    told = {"invitation_id": str(invitation.id), "workspace": workspace.name, "by_email": inviter.email, "role": role}
    letters.post("invitation", to=email, context=told)
    return invitation


@transaction.atomic
def accept(key: str, *, user_id: UUID, by: Actor, at: datetime) -> Membership:
    """The new membership. Raises `KeyRefused` for a key that is forged, too old, spent or revoked; `AlreadyMember`."""
    invitation = _named_by(key)
    if Membership.objects.filter(workspace=invitation.workspace_id, user=user_id).exists():
        raise AlreadyMember
    if not Invitation.objects.open(at).filter(pk=invitation.pk).update(accepted_at=at, accepted_by=user_id):
        raise KeyRefused
    # One that was made while its owner was being removed would live again.
    api_keys.revoke_all(ApiKey.objects.filter(workspace=invitation.workspace_id, user=user_id), by=by, at=at)
    member = Membership.objects.create(workspace=invitation.workspace, user_id=user_id, role=invitation.role)
    audit.record(
        "invitation.accepted",
        by=by,
        subject=invitation,
        at=at,
        workspace_id=member.workspace_id,
        after={"user_id": str(user_id), "role": member.role},
    )
    return member


def revoke_all(invitations: InvitationQuerySet, *, by: Actor, at: datetime) -> int:
    """Those of them that nobody has accepted; how many."""
    return sum(revoke(invitation, by=by, at=at) for invitation in invitations.pending())


@transaction.atomic
def revoke(invitation: Invitation, *, by: Actor, at: datetime) -> bool:
    """Its link is good no more. False for one that was accepted or revoked before."""
    revoked = bool(Invitation.objects.pending().filter(pk=invitation.pk).update(revoked_at=at))
    if revoked:
        audit.record("invitation.revoked", by=by, subject=invitation, at=at, workspace_id=invitation.workspace_id)
    return revoked


def _open_or_new(workspace_id: UUID, email: str) -> Invitation:
    """The one invitation of this address that the database allows, expired or not, or else a new one."""
    pending = Invitation.objects.pending().filter(same_email(email), workspace=workspace_id)
    return pending.first() or Invitation(workspace_id=workspace_id, email=email)


def _named_by(key: str) -> Invitation:
    """As it stands now that its workspace is held."""
    invitation_id = mail_keys.read("invitation", key)
    invitation = Invitation.objects.filter(pk=invitation_id).first()
    if invitation is None:
        raise KeyRefused
    try:
        hold(invitation.workspace_id)
    except UnknownWorkspace as exc:
        raise KeyRefused from exc
    return Invitation.objects.select_related("workspace").get(pk=invitation_id)
