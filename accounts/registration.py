"""Signing up and signing in."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from accounts import guards, letters, mailboxes
from accounts.backends import is_beside_an_owner, named_by
from accounts.errors import EmailTaken
from accounts.models import User
from accounts.signals import user_signed_up


def register(*, email: str, password: str, at: datetime, **profile: Any) -> User:
    """A new person with a workspace of their own, who claims this address.

    Nothing tells whether it has an owner already: that stands in the letter alone, for whoever reads its mail.
    """
    may_write = guards.may("letter", email, "verify_email", at=at)
    with transaction.atomic():
        user = User.objects.create_user(email, password, created_at=at, **profile)
        _announce(user, at)
        if may_write:
            letters.post("verify_email", to=user.email, user=user)
    return user


@transaction.atomic
def register_through(email: str, *, name: str, verified: bool, may_write: bool, at: datetime) -> User:
    """A new person who came from a provider, without a password.

    The address is theirs where the provider has verified it; else they claim it. Raises `EmailTaken` where it is
    verified and another account's: whoever has both connects them, signed in.
    """
    user = User.objects.create_user(email, None, name=name, created_at=at)
    _announce(user, at)
    if not verified and may_write:
        letters.post("verify_email", to=user.email, user=user)
    if verified and not mailboxes.confirm(user, at=at):
        raise EmailTaken("There is an account with this email already. Sign in to it, then connect this log-in.")
    return user


def _announce(user: User, at: datetime) -> None:
    transaction.on_commit(partial(user_signed_up.send_robust, User, user_id=user.pk, at=at))


def sign_in(*, email: str, password: str, address: str, at: datetime) -> User:
    """Raises `InvalidCredentials`, the same for an unknown email as for a wrong password; or `TooManyAttempts`."""
    with guards.guessing(email, address=address, at=at) as guess:
        user = named_by(email, password)
        guess.forgives = not is_beside_an_owner(user)
    return user
