"""Windows of time: half-open, local by their edges, UTC once computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from accounts.meters import Window


@dataclass(frozen=True)
class Period:
    """From `starts_at`, which belongs to it, to `ends_at`, which belongs to the next."""

    window: Window
    starts_at: datetime
    ends_at: datetime


def day_at(at: datetime, zone: ZoneInfo) -> Period:
    today = at.astimezone(zone).date()
    return Period(Window.DAY, midnight(today, zone), midnight(today + timedelta(days=1), zone))


def month_at(at: datetime, zone: ZoneInfo) -> Period:
    first = at.astimezone(zone).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(Window.MONTH, midnight(first, zone), midnight(following, zone))


def periods_at(at: datetime, zone: ZoneInfo) -> list[Period]:
    """Every window that has started at this moment."""
    return [day_at(at, zone), month_at(at, zone)]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day. Where clocks skip midnight, the moment they skip at."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
