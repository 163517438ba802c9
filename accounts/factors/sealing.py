"""Secrets that must be read again, such as a TOTP's, are sealed before they reach a row."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


def seal(text: str) -> str:
    return _sealer().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """What was sealed with this SECRET_KEY, or with one of SECRET_KEY_FALLBACKS."""
    return _sealer().decrypt(sealed.encode()).decode()


def _sealer() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(urlsafe_b64encode(_derived(key))) for key in keys])


def _derived(key: str) -> bytes:
    return salted_hmac("accounts.factors.sealing", "", secret=key, algorithm="sha256").digest()
