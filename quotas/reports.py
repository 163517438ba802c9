"""How much of each limit is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from accounts import database
from accounts.callers import Caller
from accounts.meters import Meter
from accounts.models import Workspace
from billing import purchases
from billing.errors import NoCatalogue
from billing.models import Invoice
from quotas import periods, statements, windows
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


@dataclass(frozen=True)
class Charged:
    """Of one meter in one kind of window: `beyond` the plan cost `amount`, in minor units of USD."""

    meter: str
    window: str
    used: int
    entries: int
    beyond: int
    amount: int


@dataclass(frozen=True)
class Given:
    """Back, in minor units."""

    currency: str
    credited: int
    refunded: int


@dataclass(frozen=True)
class Statement:
    """All that the ledger charged from `starts_at` on, before `ends_at`, and what invoices of that time gave back."""

    starts_at: datetime
    ends_at: datetime
    charged: list[Charged]
    given_back: list[Given]


def statement(workspace_id: UUID, starts_at: datetime, ends_at: datetime) -> Statement:
    params = {"workspace_id": workspace_id, "starts_at": starts_at, "ends_at": ends_at}
    charged = [Charged(**row) for row in database.fetch_all_now(statements.STATEMENT, params)]
    bills = Invoice.objects.filter(workspace=workspace_id, created_at__gte=starts_at, created_at__lt=ends_at)
    back = bills.order_by("currency").values("currency").annotate(credited=Sum("credited"), refunded=Sum("refunded"))
    given = [Given(**row) for row in back if row["credited"] or row["refunded"]]
    return Statement(starts_at, ends_at, charged, given)


def running_period(caller: Caller, at: datetime) -> tuple[datetime, datetime]:
    """That of the subscription, else the month that stands in for it."""
    running = purchases.subscription_of(caller.workspace_id)
    if running and running.current_period_end:
        return running.current_period_start, running.current_period_end
    month = periods.period_at(at, caller.since, caller.zone)
    return month.starts_at, month.ends_at


def usage_of(workspace: Workspace, at: datetime) -> Usage:
    """What the plan allows, for who only looks on. Nothing is begun or moved to another plan by it."""
    row = database.fetch_one_now(statements.USAGE, windows.limits_of_workspace(workspace, at))
    return _usage(row)


async def usage(caller: Caller, at: datetime) -> Usage:
    params = windows.limits_of(caller, at)
    row = await database.fetch_one(statements.USAGE, params)
    if row and not row["on_plan"]:
        await windows.begin(params)
        row = await database.fetch_one(statements.USAGE, params)
    return _usage(row)


def _usage(row: database.Row | None) -> Usage:
    if row is None:
        raise NoCatalogue
    limits = [Limit.from_row(limit) for limit in database.from_json(row["limits"])]
    return Usage(row["plan"], row["current_period_end"], limits)
