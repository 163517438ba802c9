"""One of several processes that want the same allowance. `ask()` prints how many of its requests were admitted."""

from __future__ import annotations

import asyncio
import json
import sys
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from accounts import database
from accounts.callers import Caller, signed_in
from quotas import metering
from quotas.errors import QuotaExceeded
from quotas.metering import Ask
from quotas.tests.ledger import request_id

COMMAND = "import django; django.setup(); from quotas.tests.admitting import main; main()"


def main() -> None:
    """Says that it is ready, waits for a line, and then asks: `USER TIMES TOKENS` on the command line."""
    user_id, times, tokens = sys.argv[1:]
    caller = signed_in(UUID(user_id), {})
    with asyncio.Runner() as runner:
        runner.run(database.fetch_one("SELECT 1", {}))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        admitted = runner.run(ask(caller, int(times), int(tokens)))
        runner.run(database.close_pool())
    sys.stdout.write(json.dumps(admitted) + "\n")


async def ask(caller: Caller, times: int, tokens: int) -> list[str]:
    """The request ids that were admitted, as many at once as the database pool has connections."""
    room = asyncio.Semaphore(settings.DATABASE_POOL_SIZE)

    async def once() -> str | None:
        async with room:
            try:
                asks = {"tokens": Ask.exactly(tokens), "requests": Ask.exactly(1)}
                return (await metering.reserve(caller, asks, request_id=request_id(), at=now())).request_id
            except QuotaExceeded:
                return None

    return [name for name in await asyncio.gather(*(once() for _ in range(times))) if name]
