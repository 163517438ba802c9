from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError


def seconds_until(moment: datetime, at: datetime) -> int:
    """Whole seconds, rounded up, so that who waits that long never comes too early."""
    return max(0, -((at - moment) // timedelta(seconds=1)))


@cache
def time_zones() -> set[str]:
    """The places; files such as `localtime`, which differ between machines, are none."""
    return {name for name in available_timezones() if "/" in name or name == "UTC"}


def check_time_zone(name: str) -> None:
    """Raises `ValidationError`."""
    if name not in time_zones():
        raise ValidationError("There is no such time zone. Write it as Europe/Berlin, or UTC.")
