"""Windows of time: half-open, local by their edges, UTC once computed."""

from __future__ import annotations

from calendar import monthrange
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


NEVER = datetime(9000, 1, 1, tzinfo=UTC)
"""When a window ends that does not: a moment that every zone can write."""
LIFETIME = Period(Window.LIFETIME, datetime(1970, 1, 1, tzinfo=UTC), NEVER)


def day_at(at: datetime, zone: ZoneInfo) -> Period:
    today = at.astimezone(zone).date()
    return Period(Window.DAY, midnight(today, zone), midnight(today + timedelta(days=1), zone))


def month_at(at: datetime, zone: ZoneInfo) -> Period:
    first = at.astimezone(zone).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(Window.MONTH, midnight(first, zone), midnight(following, zone))


def period_at(at: datetime, since: datetime, zone: ZoneInfo) -> Period:
    """A month that begins on the day of the month that `since` was, or on the last where there is no such day.

    It stands in for the period of a subscription where nothing is paid.
    """
    day = since.astimezone(zone).day
    today = at.astimezone(zone).date()
    first = _on(today, day)
    if first > today:
        first = _on(today.replace(day=1) - timedelta(days=1), day)
    following = _on(first.replace(day=1) + timedelta(days=31), day)
    return Period(Window.PERIOD, midnight(first, zone), midnight(following, zone))


def _on(month: date, day: int) -> date:
    """That day of this month, or its last."""
    return month.replace(day=min(day, monthrange(month.year, month.month)[1]))


def periods_at(at: datetime, zone: ZoneInfo, *, since: datetime) -> list[Period]:
    """Every window that has started at this moment, for a workspace that was made `since`."""
    return [day_at(at, zone), month_at(at, zone), period_at(at, since, zone), LIFETIME]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day. Where clocks skip midnight, the moment they skip at."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
