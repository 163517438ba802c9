"""How much of each limit is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts import database
from accounts.callers import Caller
from accounts.meters import Meter
from billing.errors import UnknownPlan
from quotas import metering, statements
from quotas.limits import Limit


@dataclass(frozen=True)
class Usage:
    """`limits` in the order their windows end; `plan_end_at` is None where the plan does not end."""

    plan: str
    plan_end_at: datetime | None
    limits: list[Limit]

    @property
    def tokens(self) -> Limit | None:
        """The token limit whose window ends first; None on a plan without one."""
        return next((limit for limit in self.limits if limit.meter == Meter.TOKENS), None)


async def usage(caller: Caller, at: datetime) -> Usage:
    row = await database.fetch_one(statements.USAGE, metering.open_periods(caller, at))
    if row is None:
        raise UnknownPlan("No catalogue is loaded: run `manage.py load_catalogue default`.")
    limits = [Limit.from_row(limit) for limit in row["limits"]]
    return Usage(row["plan"], row["current_period_end"], limits)
