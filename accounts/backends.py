"""How an email and a password name a person."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import check_password, make_password
from django.db import connection
from django.http import HttpRequest
from django.utils.timezone import now

from accounts import guards
from accounts.addresses import client_address
from accounts.errors import NO_MATCH, InvalidCredentials
from accounts.models import User


@cache
def nobodys_hash() -> str:
    return make_password("nobody")


class ByEmail(ModelBackend):
    """For the doors that Django brings itself. Raises `TooManyAttempts`, as `registration.sign_in` does."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        if username is None or password is None:
            return None
        address = client_address(request) if request else ""
        try:
            with guards.guessing(username, address=address, at=now()) as guess:
                user = named_by(username, password)
                guess.forgives = not is_beside_an_owner(user)
        except InvalidCredentials:
            return None
        return user


def named_by(email: str, password: str) -> User:
    """The owner of the address, or else whoever claimed it last. Raises `InvalidCredentials`.

    Two passwords are compared whatever there is, so that the time tells neither whether an address is known, nor
    whether a claim stands beside its owner. Call it behind a guard.
    """
    known = candidates(email)
    connection.close()  # as a guard does, since comparing is what takes long
    found: list[User] = []
    for candidate in known:
        matches = check_password(password, candidate.password if candidate else nobodys_hash())
        if matches and candidate and candidate.is_active:
            found.append(candidate)
    if not found:
        raise InvalidCredentials(NO_MATCH)
    return found[0]


def is_beside_an_owner(user: User) -> bool:
    """They merely claim an address that is verified for somebody else, whose password theirs must not help to guess."""
    if user.email_verified_at:
        return False
    return User.objects.by_email(user.email).exclude(email_verified_at=None).exists()


def candidates(email: str) -> tuple[User | None, User | None]:
    """Its owner, and the newest of those who claim it without having verified it."""
    everybody = list(User.objects.by_email(email)[:2])
    owner = next((user for user in everybody if user.email_verified_at), None)
    claim = next((user for user in everybody if not user.email_verified_at), None)
    return owner, claim
