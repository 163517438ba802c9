"""What tests of the feed share."""

from __future__ import annotations

from typing import Any

from accounts import tokens
from accounts.models import User
from accounts.tests.factories import Person, person
from analytics.models import Event


def staff() -> Person:
    """Somebody of the operator's."""
    somebody = person("Dora")
    User.objects.filter(pk=somebody.user.pk).update(is_staff=True)
    somebody.user.refresh_from_db()
    return somebody


def staff_token(somebody: Person) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens.begin_staff(somebody.user)}"}


def told_of(somebody: Person, kind: str) -> list[dict[str, Any]]:
    """The data of what the feed tells of their workspace, the oldest first."""
    found = Event.objects.filter(workspace=somebody.workspace, kind=kind).order_by("pk")
    return list(found.values_list("data", flat=True))
