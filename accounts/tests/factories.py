"""A small cast everybody knows: Alice owns it, Bob is her teammate, Charlie must not see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.utils.timezone import now
from factory.declarations import LazyFunction
from factory.django import DjangoModelFactory

from accounts import api_keys, callers, tokens
from accounts.api_keys import Powers
from accounts.callers import Caller
from accounts.models import Scope, User, Workspace

PASSWORD = "correct horse battery"


@cache
def hashed() -> str:
    """Argon2 is slow on purpose, so the cast shares one hash of one password."""
    return make_password(PASSWORD)


class UserFactory(DjangoModelFactory[User]):
    """Somebody who signed up, with a workspace of their own."""

    class Meta:
        model = User

    email = LazyFunction(lambda: f"{uuid4().hex}@example.com")  # type: ignore[no-untyped-call]
    email_verified_at = LazyFunction(now)  # type: ignore[no-untyped-call]
    name = "Alice"

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **fields: Any) -> User:
        user = User.objects.create(password=hashed(), **fields)
        Workspace.objects.give_personal(user)
        return user


@dataclass(frozen=True)
class Person:
    user: User
    workspace: Workspace
    caller: Caller
    api_key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"x-api-key": self.api_key}

    @property
    def session(self) -> dict[str, str]:
        """The header of a new log-in."""
        return {"authorization": f"Bearer {tokens.begin_family(self.user).access}"}


def person(name: str) -> Person:
    """Somebody new, by whatever name, with an API key."""
    user = UserFactory.create(name=name)
    workspace = Workspace.objects.get(personal_to=user)
    _, key = api_keys.create(
        workspace_id=workspace.id, user_id=user.id, name="test", powers=Powers(scopes=list(Scope)), at=now()
    )
    return Person(user, workspace, callers.identify({"x-api-key": key}), key)
