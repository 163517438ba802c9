"""When a figure is asked for: the operator's clock, and whose money counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from billing.gateways import gateway
from quotas.days import Days, until, whole_months
from quotas.periods import month_at


@dataclass(frozen=True)
class Moment:
    """Money counts that comes by this `gateway`: what is simulated is never shown beside what is paid."""

    at: datetime
    zone: ZoneInfo
    gateway: str

    @property
    def month_began_at(self) -> datetime:
        return month_at(self.at, self.zone).starts_at

    def days(self, count: int) -> Days:
        """So many, up to today."""
        return until(self.at.astimezone(self.zone).date(), count, self.zone)

    def months(self, count: int) -> Days:
        """So many, up to this one, to its end."""
        return whole_months(self.at, count, self.zone)

    def month_before(self) -> Days:
        """The last that is over."""
        return whole_months(self.month_began_at - timedelta(seconds=1), 1, self.zone)


def here(at: datetime) -> Moment:
    """On the operator's clock, by the gateway that is in use."""
    return Moment(at, ZoneInfo(settings.STIPEND_TIME_ZONE), gateway().name)
