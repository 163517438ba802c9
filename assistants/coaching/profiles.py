"""What a creator told about themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from assistants.errors import NoProfile
from assistants.models import CreatorProfile


def of(user_id: UUID) -> CreatorProfile | None:
    """None where they have told nothing."""
    return CreatorProfile.objects.filter(user=user_id).first()


def existing(user_id: UUID) -> CreatorProfile:
    """Raises `NoProfile`."""
    found = of(user_id)
    if found is None:
        raise NoProfile
    return found


def put(user_id: UUID, *, at: datetime, **told: Any) -> tuple[CreatorProfile, bool]:
    """Make it, or put what is told in the place of what was; whether it was made."""
    defaults = {**told, "updated_at": at}
    return CreatorProfile.objects.update_or_create(
        user_id=user_id, defaults=defaults, create_defaults={**defaults, "created_at": at}
    )


def followers(profile: CreatorProfile | None) -> int:
    """On all platforms."""
    return sum(platform["followers"] for platform in profile.platforms) if profile else 0


def largest(profile: CreatorProfile | None) -> str:
    """The platform with the most followers; empty without any."""
    platforms = profile.platforms if profile else []
    return max(platforms, key=lambda platform: platform["followers"])["name"] if platforms else ""
