"""Codes that somebody types: of an authenticator app, each good once, and recovery codes, each good once."""

from __future__ import annotations

from datetime import datetime

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings

from accounts import guards
from accounts.errors import WrongCode
from accounts.factors.sealing import unseal
from accounts.models import User

Type = Authenticator.Type
STEP = "last_step"
"""The newest time step whose code was used: it and all before it are spent."""


def check(user: User, code: str, *, at: datetime) -> Authenticator:
    """The factor whose code this is; the code is spent. Raises `WrongCode`, and `TooManyAttempts` before looking.

    What is counted and what is spent stands in PostgreSQL, so neither parallel tries nor a cache that is down help.
    """
    guards.count("second factor", user.pk, at=at)
    factors = Authenticator.objects.filter(user=user).order_by("-type")
    found = next((factor for factor in factors if spend(factor, code, at=at)), None)
    if found is None:
        raise WrongCode
    guards.forgive("second factor", user.pk)
    return found


def spend(factor: Authenticator, code: str, *, at: datetime) -> bool:
    if factor.type == Type.TOTP:
        step = matching_step(unseal(factor.data["secret"]), code, at=at)
        return step is not None and spend_step(factor, step)
    if factor.type == Type.RECOVERY_CODES:
        return bool(factor.wrap().validate_code(code))
    return False


def matching_step(secret: str, code: str, *, at: datetime) -> int | None:
    """The time step whose code this is: now, or a step of clock drift away; None when it is none of theirs."""
    current = int(at.timestamp()) // settings.MFA_TOTP_PERIOD
    drift = settings.MFA_TOTP_TOLERANCE
    steps = range(current - drift, current + drift + 1)
    return next((step for step in steps if compare_user_code(actual=code, expected=code_at(secret, step))), None)


def code_at(secret: str, step: int) -> str:
    return str(format_hotp_value(hotp_value(secret, step)))


def spend_step(factor: Authenticator, step: int) -> bool:
    unspent = Authenticator.objects.filter(pk=factor.pk, **{f"data__{STEP}__lt": step})
    return bool(unspent.update(data={**factor.data, STEP: step}))
