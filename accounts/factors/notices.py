"""Who gains or loses a way in is told so by a letter, and the audit log keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from accounts import audit, letters
from accounts.audit import Actor
from accounts.clients import address_of
from accounts.models import User


@dataclass(frozen=True)
class Notice:
    action: str
    letter: str
    factor: str


NOTICES = {
    "mfa/email/totp_activated": Notice("totp.added", "second_factor_added", "an authenticator app"),
    "mfa/email/totp_deactivated": Notice("totp.removed", "second_factor_removed", "the authenticator app"),
    "mfa/email/webauthn_added": Notice("passkey.added", "second_factor_added", "a passkey"),
    "mfa/email/webauthn_removed": Notice("passkey.removed", "second_factor_removed", "a passkey"),
    "mfa/email/recovery_codes_generated": Notice("recovery_codes.renewed", "second_factor_added", "recovery codes"),
    "socialaccount/email/account_connected": Notice("provider.connected", "provider_connected", ""),
    "socialaccount/email/account_disconnected": Notice("provider.disconnected", "provider_disconnected", ""),
}


@transaction.atomic
def tell(occasion: str, user: User, request: Any, *, factor: str = "") -> None:
    """By allauth's name of the occasion. Letters go to verified addresses alone: no other is known to be theirs."""
    notice, at = NOTICES[occasion], now()
    user = User.objects.get(pk=user.pk)  # allauth hands on `request.user`, which only looks like one
    factor = factor or notice.factor
    by = Actor(user.pk, None, address_of(request), request.headers["X-Request-ID"])
    audit.record(notice.action, by=by, subject=user, at=at, after={"factor": factor})
    if user.email_verified_at:
        letters.post(notice.letter, to=user.email, user=user, context={"factor": factor})
