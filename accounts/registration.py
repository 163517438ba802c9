"""Signing up and signing in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate

from accounts.errors import InvalidCredentials
from accounts.models import User


def register(*, email: str, password: str, **profile: Any) -> User:
    """A new person with a workspace of their own, who claims this address.

    Nothing tells whether it has an owner already: that stands in the letter alone, for whoever reads its mail.
    """
    return User.objects.create_user(email, password, **profile)


def sign_in(*, email: str, password: str) -> User:
    """Raises `InvalidCredentials`, the same for an unknown email as for a wrong password."""
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        raise InvalidCredentials("Email and password do not match an account.")
    return user
