"""The vocabulary of limits, which every app speaks: what is counted, and over which time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import models


class Meter(models.TextChoices):
    """What is counted."""

    TOKENS = "tokens"
    REQUESTS = "requests"
    MESSAGES = "messages"
    OPERATIONS = "operations"
    COST = "cost"  # micro-USD


class Window(models.TextChoices):
    """Over which time: a calendar day or month in the workspace's time zone, the subscription's own period, or ever."""

    DAY = "day"
    MONTH = "month"
    PERIOD = "period"
    LIFETIME = "lifetime"


POLICIES = [f"{meter}-{window}" for meter in Meter for window in Window]
"""The names of all limits there may be, such as `tokens-day`."""


@dataclass(frozen=True)
class OwnLimit:
    """A limit below the plan's that one key or one member keeps."""

    holder: str  # "key" or "member"
    holder_id: UUID
    meter: str
    window: str
    limit: int


def own_limits(holder: str, holder_id: UUID, limits: Mapping[str, int]) -> tuple[OwnLimit, ...]:
    """Read the column of a key or a membership: amounts by policy."""
    return tuple(_own_limit(holder, holder_id, policy, limit) for policy, limit in limits.items())


def _own_limit(holder: str, holder_id: UUID, policy: str, limit: int) -> OwnLimit:
    meter, _, window = policy.partition("-")
    return OwnLimit(holder, holder_id, meter, window, limit)
