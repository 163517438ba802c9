"""New passwords: for who knows the old one, and for who reads the account's mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import api_keys, audit, guards, letters, mail_keys, mailboxes, tokens
from accounts.audit import Actor
from accounts.errors import WrongPassword
from accounts.factors import removal
from accounts.models import ApiKey, User
from accounts.tokens import Ending


def ask_to_reset(email: str, *, at: datetime) -> None:
    """Write to whoever has this address. Who that is, if anybody, is looked up by whoever writes the letter out."""
    if guards.may("letter", email, "reset_password", at=at):
        letters.post("reset_password", to=email)


def reset(key: str, password: str, *, by: Actor, at: datetime) -> User:
    """Set it, once for each key, and end every session. Raises `KeyRefused`.

    The key came by mail, so the address is the account's from now on. Had nobody shown that before, whoever signed up
    may not have been who reads the mail: then the account's API keys and second factors end as well.
    """
    with transaction.atomic():
        user = mail_keys.reader_of(key, of=User.objects.select_for_update())
        by = replace(by, user_id=user.pk)
        if user.email_verified_at is None:
            _take_back(user, by=by, at=at)
            mailboxes.confirm(user, at=at)
        _set(user, password, by=by, at=at)
        tokens.end_all(user.pk, because=Ending.PASSWORD, at=at)
    guards.forget(user.email)
    guards.forget(user.pk)
    return user


def check(user: User, password: str, *, by: Actor, at: datetime) -> None:
    """Guarded as a log-in is. Raises `WrongPassword`, `TooManyAttempts`."""
    # Counted for the person: others may claim their email, and what is right for those says nothing of these.
    with guards.guessing(user.pk, address=by.ip or "", at=at):
        if not user.check_password(password):
            raise WrongPassword


def change(user: User, password: str, *, session: UUID | None, by: Actor, at: datetime) -> None:
    """End every session but this one."""
    with transaction.atomic():
        _set(user, password, by=by, at=at)
        tokens.end_all(user.pk, because=Ending.PASSWORD, but=session, at=at)


def _set(user: User, password: str, *, by: Actor, at: datetime) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record("password.changed", by=by, subject=user, at=at)
    if user.email_verified_at:
        letters.post("password_changed", to=user.email, user=user)


def _take_back(user: User, *, by: Actor, at: datetime) -> None:
    for key in ApiKey.objects.filter(user=user, revoked_at=None):
        api_keys.revoke(key, by=by, at=at)
    removal.remove_all(user)
