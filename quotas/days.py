"""Days and months of one clock, as reports count them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from quotas.periods import midnight


@dataclass(frozen=True)
class Days:
    """From the `first` to the `last`, both among them, on the clock of `zone`."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def starts_at(self) -> datetime:
        return midnight(self.first, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The moment that is not among them any more."""
        return midnight(self.last + timedelta(days=1), self.zone)

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=number) for number in range(len(self)))

    def __len__(self) -> int:
        return (self.last - self.first).days + 1


def until(last: date, count: int, zone: ZoneInfo) -> Days:
    """So many days, of which that is the last."""
    return Days(last - timedelta(days=count - 1), last, zone)


def whole_months(at: datetime, count: int, zone: ZoneInfo) -> Days:
    """So many calendar months, of which the last is that of this moment, to its end."""
    this = at.astimezone(zone).date().replace(day=1)
    passed = this.year * 12 + this.month - count
    return Days(
        date(passed // 12, passed % 12 + 1, 1), (this + timedelta(days=31)).replace(day=1) - timedelta(days=1), zone
    )


def months_of(days: Days) -> list[date]:
    """The first day of each month that begins in them."""
    return [day for day in days if day.day == 1]


def beginning_of_hour(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(minute=0, second=0, microsecond=0)
