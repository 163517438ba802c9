"""All the turns of this process: kept alive in the ledger while they run, brought to an end when the server stops."""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg
from django.conf import settings

from accounts import database
from assistants import records
from quotas import metering

if TYPE_CHECKING:
    from assistants.turns import LiveTurn

logger = logging.getLogger(__name__)

_live: dict[UUID, LiveTurn] = {}
_keeper: asyncio.Task[None] | None = None


def add(turn: LiveTurn) -> None:
    global _keeper
    _live[turn.admission.reservation_id] = turn
    if _keeper is None or _keeper.done():
        # It works for all of them, so its log lines are not this request's.
        _keeper = asyncio.create_task(_renew_leases(), context=Context())


def remove(turn: LiveTurn) -> None:
    _live.pop(turn.admission.reservation_id, None)


def streams() -> int:
    """How many of them are streamed."""
    return sum(turn.order.streams for turn in list(_live.values()))


def answering(message_id: UUID) -> LiveTurn | None:
    """The turn that is writing this message, if it runs in this process."""
    return next((turn for turn in _live.values() if turn.order.message_id == message_id), None)


async def drain(seconds: float) -> None:
    """Let what runs come to its end for so long, then end the rest; when this returns all is settled."""
    if tasks := [turn.task for turn in _live.values()]:
        await asyncio.wait(tasks, timeout=seconds)
    stopped = list(_live.values())
    for turn in stopped:
        turn.stop()
    if stopped:
        await asyncio.wait([turn.task for turn in stopped])
    if _keeper:  # It would open the database's pool anew behind whoever closes it.
        _keeper.cancel()
        await asyncio.wait([_keeper])


async def _renew_leases() -> None:
    """While anything runs, renew every lease and checkpoint in one statement, every few seconds."""
    while _live:
        await asyncio.sleep(settings.CHECKPOINT_SECONDS)
        try:
            await _checkpoint(list(_live.values()))
        except psycopg.Error:
            logger.warning("leases were not renewed", exc_info=True)


async def _checkpoint(turns: list[LiveTurn]) -> None:
    await metering.renew({turn.admission.reservation_id: turn.checkpoint() for turn in turns})
    for turn in turns:
        if turn.order.message_id:
            saved = await database.fetch_one(*records.of_progress(turn))
            if saved and saved["is_to_stop"]:
                turn.ask_to_end()
