"""How much of each limit is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts import database
from accounts.callers import Caller
from accounts.meters import Meter
from billing.errors import NoCatalogue
from quotas import metering, statements
from quotas.limits import Limit, tightest


@dataclass(frozen=True)
class Usage:
    """`limits` in the order their windows end; `plan_end_at` is None where the plan does not end."""

    plan: str
    plan_end_at: datetime | None
    limits: list[Limit]

    @property
    def tokens(self) -> Limit | None:
        """The tightest token limit of those whose window ends first; None where there is no limit."""
        found = [limit for limit in self.limits if limit.meter == Meter.TOKENS]
        return tightest(limit for limit in found if limit.resets_at == found[0].resets_at)


async def usage(caller: Caller, at: datetime) -> Usage:
    params = metering.limits_of(caller, at)
    row = await database.fetch_one(statements.USAGE, params)
    if row and not row["on_plan"]:
        async with database.connected() as connection:
            await connection.execute(statements.MOVE_TO_PLAN, params)
        row = await database.fetch_one(statements.USAGE, params)
    if row is None:
        raise NoCatalogue
    limits = [Limit.from_row(limit) for limit in row["limits"]]
    return Usage(row["plan"], row["current_period_end"], limits)
