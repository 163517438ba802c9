"""The windows of a workspace: begun on first use, for the plan that counts then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts import database
from accounts.callers import Caller
from accounts.database import Params
from accounts.meters import OwnLimit
from accounts.models import Workspace
from quotas import periods, statements

# Opened for the present plan; brought along from a former one; and what rolls over from those that ended.
BEGINNING = (statements.OPEN_BUCKETS, statements.MOVE_TO_PLAN, statements.ROLL_OVER)


async def begin(limits: Params) -> None:
    """Begin every window that is open at that moment, or bring it along to the present plan. Nothing the second time.

    `limits` are those of `limits_of`.
    """
    async with database.connected() as held, held.transaction():
        for statement in BEGINNING:
            await held.execute(statement, limits)


@transaction.atomic
def begin_now(limits: Params) -> None:
    """The same for synchronous code."""
    for statement in BEGINNING:
        database.run_prepared(statement, limits)


def limits_of(caller: Caller, at: datetime) -> Params:
    """The parameters of every statement that looks at limits."""
    return _limits(caller.workspace_id, caller.zone, caller.since, caller.limits, at)


def limits_of_workspace(workspace: Workspace, at: datetime) -> Params:
    """The same, where nobody asks: its own limits alone."""
    return _limits(workspace.pk, ZoneInfo(workspace.time_zone), workspace.created_at, (), at)


def _limits(
    workspace_id: UUID, zone: ZoneInfo, since: datetime, own_limits: Sequence[OwnLimit], at: datetime
) -> Params:
    opened = periods.periods_at(at, zone, since=since)
    return {
        "workspace_id": workspace_id,
        "at": at,
        "windows": [str(period.window) for period in opened],
        "starts": [period.starts_at for period in opened],
        "ends": [period.ends_at for period in opened],
        "own_meters": [own.meter for own in own_limits],
        "own_windows": [own.window for own in own_limits],
        "own_limits": [own.limit for own in own_limits],
        "own_holders": [own.holder for own in own_limits],
        "own_holder_ids": [own.holder_id for own in own_limits],
    }
