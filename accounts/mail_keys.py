"""Keys that only the reader of a mailbox has: signed, good for a while, and kept nowhere."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from accounts.errors import KeyRefused
from accounts.models import User

Purpose = Literal["verify-email", "invitation"]


def make(purpose: Purpose, what: Any) -> str:
    """`what` is JSON, signed but not hidden: whoever has the key can read it."""
    return signing.dumps(what, salt=_salt(purpose))


def read(purpose: Purpose, key: str) -> Any:
    """What the key was made with. Raises `KeyRefused` for one that is forged, too old, or for another purpose."""
    try:
        return signing.loads(key, salt=_salt(purpose), max_age=settings.MAIL_KEY_LIVES[purpose])
    except (signing.BadSignature, ValueError) as exc:
        raise KeyRefused from exc


def verification(user: User, address: str) -> str:
    """Spent once the account's address or password has changed."""
    return make("verify-email", [str(user.pk), address, state_of(user)])


def state_of(user: User) -> str:
    """A mark of the address and password an account has: an old key does not bring a former state back."""
    state = f"{user.email}\n{user.email_verified_at}\n{user.password}"
    return salted_hmac("accounts.mail_keys.state", state, algorithm="sha256").hexdigest()


def reset(user: User) -> str:
    """Spent once the account's address or password has changed."""
    return f"{user.pk.hex}.{default_token_generator.make_token(user)}"


def reader_of(reset_key: str, *, of: QuerySet[User]) -> User:
    """Raises `KeyRefused`."""
    name, _, token = reset_key.partition(".")
    try:
        user = of.filter(pk=UUID(name), is_active=True).first()
    except ValueError as exc:
        raise KeyRefused from exc
    if user is None or not default_token_generator.check_token(user, token):
        raise KeyRefused
    return user


def _salt(purpose: Purpose) -> str:
    return f"accounts.mail_keys.{purpose}"
