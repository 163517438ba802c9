"""What a job was charged, and what the next one would be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from accounts.callers import Caller
from accounts.meters import Meter
from assistants.models import Job
from billing.models import PlanLimit
from quotas import decisions, reports
from quotas.limits import Limit, tightest


@dataclass(frozen=True)
class Charges:
    """`spent` by meter; of it `beyond` units were beyond the plan, for `amount` minor units of USD."""

    spent: dict[str, int]
    beyond: int
    amount: int


@dataclass(frozen=True)
class Price:
    """Of the next operation. `limit` and `remaining` are of the plan and credits, None where nothing limits it; beyond
    them one costs `unit_price` minor units of USD, or is refused where that is None. `amount` is what the next one
    costs."""

    limit: int | None
    remaining: int | None
    unit_price: int | None
    amount: int
    is_refused: bool


def of(job: Job) -> Charges:
    spent: Counter[str] = Counter()
    beyond = amount = 0
    for done in decisions.work_of(job.workspace_id, job.request_id):
        spent.update(done.reservation.spent)
        for line in done.lines:
            beyond += line.beyond
            amount += line.beyond * (line.unit_price or 0)
    return Charges(dict(spent), beyond, amount)


async def ahead(caller: Caller, at: datetime) -> Price:
    usage = await reports.usage(caller, at)
    limit = tightest(limit for limit in usage.limits if limit.meter == Meter.OPERATIONS)
    if limit is None or limit.soft:
        return Price(None, None, None, 0, False)
    unit_price = None if limit.hard else await _unit_price(usage.plan, limit)
    within = limit.room > 0
    return Price(limit.limit, limit.room, unit_price, 0 if within else unit_price or 0, limit.hard and not within)


async def _unit_price(plan: str, limit: Limit) -> int | None:
    sold = PlanLimit.objects.filter(plan=plan, meter=limit.meter, window=limit.window)
    return await sold.values_list("overage_price", flat=True).afirst()
