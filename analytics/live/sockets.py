"""`/ws/admin/activity`: the last 20 events, then each as it is committed.

`ping` is answered `pong`; `{"after": 123}` tells everything after that id, and goes on from there.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from psycopg import OperationalError

from analytics import events
from analytics.live import entry, tail
from analytics.live.entry import Pass, Request
from analytics.live.tail import AT_A_TIME, Frame, Watcher

LAST = 20
PONG = Frame("pong")
UNKNOWN = Frame(json.dumps({"type": "error", "code": "unknown_message"}))
LOOKS_EVERY_SECONDS = 60.0
"""Whether who watches still may."""

FELL_BEHIND, NO_LONGER_MAY, TRY_AGAIN = 4008, 4401, 1013


@dataclass(frozen=True)
class GoOn:
    """To tell everything after an id."""

    after: int


class ActivitySocket(AsyncWebsocketConsumer):  # type: ignore[misc]
    # No group of Channels' for each socket: the bell is heard once in a process, or not at all while Redis is away.
    channel_layer_alias = "none"

    async def connect(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._seen = 0
        self._watcher = Watcher(self._let_go)
        request = Request.of(self.scope)
        admitted = await entry.admit(request)
        if admitted is None:
            await self.close()
            return
        await self.accept(request.subprotocol)
        await tail.here().join(self._watcher)
        self._tasks = [
            asyncio.create_task(self._tell(request.after)),
            asyncio.create_task(self._stand_guard(admitted)),
        ]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self._watcher.take(answer_to(text_data or ""))

    async def disconnect(self, code: int) -> None:
        self._end()

    # ---- what is told

    async def _tell(self, after: int | None) -> None:
        """One after the other, so that nothing overtakes."""
        try:
            await (self._tell_last() if after is None else self._tell_after(after))
            while True:
                match await self._watcher.queue.get():
                    case GoOn(after=asked):
                        await self._tell_after(asked)
                    case Frame() as frame if frame.id is None or frame.id > self._seen:
                        await self._send(frame)
        except OperationalError:
            self._leave(TRY_AGAIN)

    async def _tell_last(self) -> None:
        for row in await events.last(LAST):
            await self._send(tail.framed(row))

    async def _tell_after(self, cursor: int) -> None:
        self._seen = cursor
        rows = await events.after(self._seen, limit=AT_A_TIME)
        while rows:
            for row in rows:
                await self._send(tail.framed(row))
            rows = await events.after(self._seen, limit=AT_A_TIME)

    async def _send(self, frame: Frame) -> None:
        await self.send(frame.text)
        self._seen = frame.id or self._seen

    # ---- how it ends

    async def _stand_guard(self, admitted: Pass) -> None:
        """Whoever signs out, or is no staff any more, watches no longer than a minute; and nobody for ever."""
        looks = int(settings.STAFF_TOKEN_LIFETIME.total_seconds() / LOOKS_EVERY_SECONDS)
        with suppress(OperationalError):
            for _ in range(looks):
                await asyncio.sleep(LOOKS_EVERY_SECONDS)
                if not await admitted.is_good():
                    break
        self._leave(NO_LONGER_MAY)

    def _let_go(self) -> None:
        self._leave(FELL_BEHIND)

    def _leave(self, code: int) -> None:
        """Say why, without waiting: who does not read would keep us."""
        self._end()
        self._tasks = [asyncio.create_task(self.close(code))]

    def _end(self) -> None:
        tail.here().leave(self._watcher)
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()


def answer_to(text: str) -> Frame | GoOn:
    if text == "ping":
        return PONG
    after = entry.cursor(_asked(text))
    return UNKNOWN if after is None else GoOn(after)


def _asked(text: str) -> Any:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said.get("after") if isinstance(said, dict) else None
