"""What people tell of themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.models import User


@transaction.atomic
def change(user: User, *, by: Actor, at: datetime, **fields: Any) -> None:
    """A new phone number is not verified, whatever the former one was."""
    if fields.get("phone", user.phone) != user.phone:
        fields["phone_verified"] = False
    for name, value in fields.items():
        setattr(user, name, value)
    if fields:
        user.save(update_fields=list(fields))
        audit.record("profile.changed", by=by, subject=user, at=at, after={"fields": sorted(fields)})
