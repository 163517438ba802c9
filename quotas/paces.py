"""How many model calls a minute a plan allows its workspace, beside the ledger: a courtesy to the other workspaces.

Counted in Redis before anything is held, so that who is refused leaves nothing in the ledger; with Redis away nobody is
refused. The plan's number is remembered for a few seconds: `RESERVE` reads it too, but has locked the buckets by then.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.conf import settings

from accounts import rates
from billing import subscriptions
from quotas.errors import TooFast
from quotas.limits import MINUTE, Limit

FRESH_SECONDS = 5.0
_remembered: dict[UUID, int | None] = {}
_since = 0.0


async def step(workspace_id: UUID, at: datetime) -> Limit | None:
    """Count one request of this minute: the limit with it as its hold. None where there is no limit, or no count.

    Raises `TooFast`, and `NoCatalogue`.
    """
    if not settings.RATELIMIT_ENABLE:
        return None
    a_minute = await _requests_per_minute(workspace_id)
    if a_minute is None:
        return None
    # Not by `sync_to_async`, whose copied context would have the cache's client made anew for every request.
    loop = asyncio.get_running_loop()
    usage = await loop.run_in_executor(None, rates.count, "model-calls", str(workspace_id), a_minute)
    if usage is None:
        return None
    # Its window lasts through the second it names.
    resets_at = at + timedelta(seconds=usage["time_left"] + 1)
    limit = Limit("requests", MINUTE, a_minute, min(usage["count"] - 1, a_minute), 0, True, resets_at, hold=1)
    if limit.refuses:
        raise TooFast(limit, retry_after=usage["time_left"] + 1)
    return limit


async def _requests_per_minute(workspace_id: UUID) -> int | None:
    global _remembered, _since
    if monotonic() - _since > FRESH_SECONDS:
        _remembered, _since = {}, monotonic()
    if workspace_id not in _remembered:
        _remembered[workspace_id] = (await subscriptions.acurrent_plan(workspace_id)).requests_per_minute
    return _remembered[workspace_id]
