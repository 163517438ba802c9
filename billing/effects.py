"""Once each: what an event brings about beside our own rows, such as a letter."""

from __future__ import annotations

from datetime import datetime

from billing.models import Effect


def once(event: str, name: str, *, at: datetime) -> bool:
    """False when it was said before. In one transaction with what it stands for, so that both are there or neither."""
    _, is_first = Effect.objects.get_or_create(event=event, name=name, defaults={"at": at})
    return is_first
