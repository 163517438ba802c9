"""Signing up and signing in."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.db import IntegrityError, transaction

from accounts.errors import EmailTaken, InvalidCredentials
from accounts.models import Membership, User, Workspace


@transaction.atomic
def register(*, email: str, password: str, name: str = "") -> User:
    """A new person with a workspace of their own. Raises `EmailTaken`."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, name=name)
    except IntegrityError as exc:
        raise EmailTaken from exc
    give_workspace(user)
    return user


def give_workspace(user: User) -> Workspace:
    workspace = Workspace.objects.create(name=user.name or user.email, email=user.email, personal_to=user)
    Membership.objects.create(workspace=workspace, user=user, role=Membership.Role.OWNER)
    return workspace


def sign_in(*, email: str, password: str) -> User:
    """Raises `InvalidCredentials`, the same for an unknown email as for a wrong password."""
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        raise InvalidCredentials("Email and password do not match an account.")
    return user
