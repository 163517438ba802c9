"""Replies whose process died while it wrote them."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from assistants.models import Message


def close_interrupted(at: datetime) -> int:
    """Mark them incomplete, with what had come; how many there were."""
    silent = Message.objects.filter(state=Message.State.STREAMING, updated_at__lt=at - settings.RESERVATION_LEASE)
    return silent.update(state=Message.State.INCOMPLETE, updated_at=at)
