"""Whose an address is: the account's that showed, by a key out of a letter, that its owner reads the mail there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import audit, guards, letters, mail_keys
from accounts.audit import Actor
from accounts.errors import EmailTaken, KeyRefused
from accounts.models import User, Workspace


def ask_to_verify(user: User, address: str, *, at: datetime) -> None:
    """Write to this address, at most as often as letters may be asked for. It costs the same whoever has it already."""
    if guards.may("letter", address, "verify_email", at=at):
        letters.post("verify_email", to=address, user=user)


def verify(key: str, *, by: Actor, at: datetime) -> User:
    """The account that the address in the key is now verified for; the second time the same, and nothing changes.

    Raises `KeyRefused`, and `EmailTaken` where another account verified the address first.
    """
    user_id, address, state = mail_keys.read("verify-email", key)
    with transaction.atomic():
        user = User.objects.select_for_update().filter(pk=user_id, is_active=True).first()
        if user is None:
            raise KeyRefused
        if user.email == address and user.email_verified_at:
            return user
        if state != mail_keys.state_of(user):
            raise KeyRefused
        _own(user, address, by=replace(by, user_id=user.pk), at=at)
    return user


def confirm(user: User, *, at: datetime) -> bool:
    """The address it claims is its own now: its mail was read. False where another account was first."""
    try:
        with transaction.atomic():
            user.email_verified_at = at
            user.save(update_fields=["email", "email_verified_at"])
    except IntegrityError:
        user.email_verified_at = None
    return user.email_verified_at is not None


def _own(user: User, address: str, *, by: Actor, at: datetime) -> None:
    former, was_verified = user.email, user.email_verified_at is not None
    user.email = address
    if not confirm(user, at=at):
        raise EmailTaken
    if former == address:
        audit.record("email.verified", by=by, subject=user, at=at)
        return
    Workspace.objects.filter(personal_to=user, email=former).update(email=address)
    audit.record("email.changed", by=by, subject=user, at=at, before={"email": former}, after={"email": address})
    if was_verified:
        letters.post("email_changed", to=former, user=user, context={"new_email": address})
