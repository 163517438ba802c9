"""What this process's sockets are told: rows read once for all of them, in their order, as soon as the bell rings.

Each socket has a queue of its own, with an end. Who does not keep up with it is let go, and comes back with its cursor.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import OperationalError
from redis.exceptions import RedisError

from accounts.database import Row
from analytics import bell, events

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""Whether the bell rings or not."""
AT_A_TIME = 200
WAITING = 500
"""So many frames a socket may have waiting."""


@dataclass(frozen=True)
class Frame:
    """What is sent; `id` where it is an event."""

    text: str
    id: int | None = None


@dataclass(eq=False)
class Watcher:
    """One socket's place. `fell_behind` is called, once or more, when its queue is full."""

    fell_behind: Callable[[], None]
    queue: asyncio.Queue[Any] = field(default_factory=lambda: asyncio.Queue(WAITING))

    def take(self, item: Any) -> None:
        try:
            self.queue.put_nowait(item)
        except asyncio.QueueFull:
            self.fell_behind()


class Tail:
    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._joining = asyncio.Lock()
        self._news = asyncio.Event()
        self._last = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def sockets(self) -> int:
        return len(self._watchers)

    async def join(self, watcher: Watcher) -> None:
        """From now on it is told of everything that is committed; what was before it can read itself."""
        async with self._joining:
            if not self._tasks:
                self._last = await events.newest()
                self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._hear())]
            self._watchers.add(watcher)

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)
        if not self._watchers:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    async def _follow(self) -> None:
        while True:
            self._news.clear()
            try:
                rows = await events.after(self._last, limit=AT_A_TIME)
            except OperationalError as exc:
                logger.warning("the feed cannot be read: %s", type(exc).__name__)
                rows = []
            for row in rows:
                self._hand_on(row)
            if len(rows) < AT_A_TIME:
                await self._wait()

    def _hand_on(self, row: Row) -> None:
        self._last, frame = row["id"], framed(row)
        for watcher in list(self._watchers):
            watcher.take(frame)

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._news.wait()

    async def _hear(self) -> None:
        while True:
            with suppress(RedisError, OSError):
                await bell.listen(self._news.set)
            await asyncio.sleep(LOOK_SECONDS)


def framed(row: Row) -> Frame:
    """Plain JSON, whatever somebody wrote: whoever shows it shows it as text."""
    told = {**row, "created_at": row["created_at"].isoformat()}
    return Frame(json.dumps({"type": "event", **told}, default=str), row["id"])


_tails: WeakKeyDictionary[asyncio.AbstractEventLoop, Tail] = WeakKeyDictionary()


def here() -> Tail:
    """The one of this process, which is to say of its event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _tails:
        _tails[loop] = Tail()
    return _tails[loop]
