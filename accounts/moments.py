from __future__ import annotations

from datetime import datetime, timedelta


def seconds_until(moment: datetime, at: datetime) -> int:
    """Whole seconds, rounded up, so that who waits that long never comes too early."""
    return max(0, -((at - moment) // timedelta(seconds=1)))
