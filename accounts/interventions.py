"""What staff do for a person, or to one. Each leaves a line in the audit log, and twice changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import audit, tokens
from accounts.audit import Actor
from accounts.models import TokenFamily, User
from accounts.tokens import Ending


@transaction.atomic
def suspend(user: User, *, by: Actor, at: datetime, **why: Any) -> bool:
    """They are shut out: their sessions end, and nothing of theirs is let in until they are readmitted.

    `why` is a `reason`, and the `workspace_id` whose people are suspended, if that is what was asked.
    """
    suspended = bool(User.objects.filter(pk=user.pk, is_active=True).update(is_active=False))
    if suspended:
        tokens.end_all(user.pk, because=Ending.REVOKED, at=at)
        _note("user.suspended", user, {"active": True}, {"active": False}, by=by, at=at, **why)
    return suspended


@transaction.atomic
def readmit(user: User, *, by: Actor, at: datetime) -> bool:
    """They may sign in again, and their API keys work. Not somebody who was erased."""
    readmitted = bool(User.objects.filter(pk=user.pk, is_active=False, erased_at=None).update(is_active=True))
    if readmitted:
        _note("user.readmitted", user, {"active": False}, {"active": True}, by=by, at=at)
    return readmitted


@transaction.atomic
def sign_out(user: User, *, by: Actor, at: datetime, **why: Any) -> bool:
    """Every session ends; API keys stay. `why` as of `suspend`."""
    ended = tokens.end_all(user.pk, because=Ending.REVOKED, at=at)
    if ended:
        _note("user.signed_out", user, {"sessions": ended}, {"sessions": 0}, by=by, at=at, **why)
    return bool(ended)


@transaction.atomic
def end_session(session: TokenFamily, *, by: Actor, at: datetime) -> bool:
    ended = tokens.end_session(session.pk, user_id=session.user_id, at=at)
    if ended:
        audit.record("session.ended", by=by, subject=session, at=at, after={"user_id": str(session.user_id)})
    return ended


@transaction.atomic
def verify_phone(user: User, *, by: Actor, at: datetime) -> bool:
    """The number they have now was seen to be theirs."""
    unverified = User.objects.filter(pk=user.pk, phone_verified=False).exclude(phone="")
    verified = bool(unverified.update(phone_verified=True))
    if verified:
        _note("phone.verified", user, {"verified": False}, {"verified": True}, by=by, at=at)
    return verified


def _note(
    action: str,
    user: User,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    by: Actor,
    at: datetime,
    reason: str = "",
    workspace_id: UUID | None = None,
) -> None:
    told = after | ({"reason": reason} if reason else {})
    audit.record(action, by=by, subject=user, at=at, workspace_id=workspace_id, before=before, after=told)
