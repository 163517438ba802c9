"""How an email and a password name a person."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest

from accounts.models import User


@cache
def nobodys_hash() -> str:
    return make_password("nobody")


class ByEmail(ModelBackend):
    """The owner of the address, or else whoever claimed it last.

    Two passwords are compared whatever there is, so that the time tells neither whether an address is known, nor
    whether a claim stands beside its owner.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        if username is None or password is None:
            return None
        found: list[User] = []
        for candidate in candidates(username):
            matches = check_password(password, candidate.password if candidate else nobodys_hash())
            if matches and candidate and self.user_can_authenticate(candidate):
                found.append(candidate)
        return found[0] if found else None


def candidates(email: str) -> tuple[User | None, User | None]:
    """Its owner, and the newest of those who claim it without having verified it."""
    everybody = list(User.objects.by_email(email)[:2])
    owner = next((user for user in everybody if user.email_verified_at), None)
    claim = next((user for user in everybody if not user.email_verified_at), None)
    return owner, claim
