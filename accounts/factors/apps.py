"""Adding an authenticator app outside of allauth's views."""

from __future__ import annotations

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import IntegrityError, transaction

from accounts.errors import AuthenticatorExists
from accounts.factors import codes
from accounts.models import User


def new_secret() -> str:
    return str(generate_totp_secret())


def address_for(user: User, secret: str) -> str:
    """What the app reads from a QR code."""
    return str(get_adapter().build_totp_url(user, secret))


def drawn(address: str) -> str:
    """The QR code, as SVG."""
    return str(get_adapter().build_totp_svg(address))


def add(user: User, secret: str, *, step: int) -> list[str]:
    """The recovery codes that come with it. Raises `AuthenticatorExists`. The step of the first code is spent."""
    try:
        with transaction.atomic():
            factor = TOTP.activate(user, secret).instance
            Authenticator.objects.filter(pk=factor.pk).update(data={**factor.data, codes.STEP: step})
            return list(RecoveryCodes.activate(user).get_unused_codes())
    except IntegrityError as exc:
        raise AuthenticatorExists from exc
