"""What staff do for a person, or to one. Each leaves a line in the audit log, and twice changes nothing."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit, tokens
from accounts.audit import Actor
from accounts.models import TokenFamily, User
from accounts.tokens import Ending


@transaction.atomic
def suspend(user: User, *, by: Actor, at: datetime) -> bool:
    """They are shut out: their sessions end, and nothing of theirs is let in until they are readmitted."""
    suspended = bool(User.objects.filter(pk=user.pk, is_active=True).update(is_active=False))
    if suspended:
        tokens.end_all(user.pk, because=Ending.REVOKED, at=at)
        audit.record("user.suspended", by=by, subject=user, at=at)
    return suspended


@transaction.atomic
def readmit(user: User, *, by: Actor, at: datetime) -> bool:
    """They may sign in again, and their API keys work. Not somebody who was erased."""
    readmitted = bool(User.objects.filter(pk=user.pk, is_active=False, erased_at=None).update(is_active=True))
    if readmitted:
        audit.record("user.readmitted", by=by, subject=user, at=at)
    return readmitted


@transaction.atomic
def sign_out(user: User, *, by: Actor, at: datetime) -> bool:
    """Every session ends; API keys stay."""
    ended = tokens.end_all(user.pk, because=Ending.REVOKED, at=at)
    if ended:
        audit.record("user.signed_out", by=by, subject=user, at=at, after={"sessions": ended})
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
        audit.record("phone.verified", by=by, subject=user, at=at)
    return verified
