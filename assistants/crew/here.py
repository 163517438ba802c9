"""Jobs that somebody waits for are done in the server's own process, so that no queue stands before them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from assistants.crew import claims, work

_under_way: set[asyncio.Task[None]] = set()


async def do(job_id: UUID, *, seconds: float, at: datetime) -> None:
    """Work on it; returns when it has ended, or after so long, while it goes on. Nothing where a worker has it."""
    claimed = await claims.claim(job_id)
    if claimed is None:
        return
    task = asyncio.create_task(work.work_on(claimed, at))
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    await asyncio.wait([task], timeout=seconds)


async def drain(seconds: float) -> None:
    """Let them end for so long, then hand them on to a worker."""
    if _under_way:
        await asyncio.wait(_under_way, timeout=seconds)
    stopped = list(_under_way)
    for task in stopped:
        task.cancel()
    if stopped:
        await asyncio.wait(stopped)
