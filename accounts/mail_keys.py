"""Keys that only the reader of a mailbox has: signed, good for a while, and kept nowhere."""

from __future__ import annotations

from typing import Any, Literal

from django.conf import settings
from django.core import signing

from accounts.errors import KeyRefused

Purpose = Literal["verify-email", "invitation", "export"]


def make(purpose: Purpose, what: Any) -> str:
    """`what` is JSON, signed but not hidden: whoever has the key can read it."""
    return signing.dumps(what, salt=_salt(purpose))


def read(purpose: Purpose, key: str) -> Any:
    """What the key was made with. Raises `KeyRefused` for one that is forged, too old, or for another purpose."""
    try:
        return signing.loads(key, salt=_salt(purpose), max_age=settings.MAIL_KEY_LIVES[purpose])
    except (signing.BadSignature, ValueError) as exc:
        raise KeyRefused from exc


def _salt(purpose: Purpose) -> str:
    return f"accounts.mail_keys.{purpose}"
