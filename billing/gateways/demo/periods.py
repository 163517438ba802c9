"""When a period ends, and what a part of one costs."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta

MONTHS = {"month": 1, "year": 12}


def end_of(start: datetime, interval: str, count: int, *, anchor: datetime) -> datetime:
    """Of the period that begins at `start`. From the 31st it is a short month's last day, and then the 31st again."""
    if interval == "day":
        return start + timedelta(days=count)
    gone = (start.year - anchor.year) * 12 + start.month - anchor.month
    return months_after(anchor, gone + MONTHS[interval] * count)


def months_after(anchor: datetime, months: int) -> datetime:
    years, month = divmod(anchor.month - 1 + months, 12)
    year, month = anchor.year + years, month + 1
    return anchor.replace(year=year, month=month, day=min(anchor.day, monthrange(year, month)[1]))


def share(amount: int, seconds: int, of: int) -> int:
    """What so many seconds of a period cost that costs `amount`: to the nearest minor unit, and half of one up."""
    return (2 * amount * seconds + of) // (2 * of)
