"""Listening to a turn, through a queue that is bounded: who does not take what is sent is let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from django.conf import settings

from assistants.providers.base import ProviderBroken, ProviderError
from assistants.reading import Piece

if TYPE_CHECKING:
    from assistants.turns import LiveTurn

QUEUE_LENGTH = 256


class Listener:
    def __init__(self, turn: LiveTurn) -> None:
        self.turn = turn
        self._queue: asyncio.Queue[Piece | None] = asyncio.Queue(QUEUE_LENGTH)
        self._ended = False
        self._dropped: ProviderError | None = None
        self._last: Piece | None = None

    @property
    def failure(self) -> ProviderError | None:
        """Why this listener has not heard the whole answer; None when it has."""
        return self._dropped or self.turn.failure

    def take(self, piece: Piece) -> bool:
        """False when there is no room for it now."""
        if self._queue.full():
            return False
        self._queue.put_nowait(piece)
        return True

    async def take_in_time(self, piece: Piece) -> None:
        """Take it when there is room; where there is none for too long, end, although the answer goes on."""
        try:
            async with asyncio.timeout(settings.STALLED_LISTENER_SECONDS):
                await self._queue.put(piece)
        except TimeoutError:
            self._dropped = ProviderBroken("The answer went on, but you did not read it for too long.")
            self.end()
            self.leave()

    def end(self, last: Piece | None = None) -> None:
        """Nothing comes after what is in the queue, and this."""
        self._ended = True
        self._last = last
        if self._queue.empty():
            self._queue.put_nowait(None)

    async def opened(self) -> None:
        """Wait for the first bytes. Raises the `ProviderError` when the turn ended before any."""
        try:
            await self.turn.opened()
        except asyncio.CancelledError:
            self.leave()
            raise

    async def pieces(self) -> AsyncIterator[Piece | None]:
        """Everything in order; None when there was nothing to say for a while and the line should be kept open."""
        try:
            while True:
                try:
                    piece = await self._next()
                except TimeoutError:
                    yield None
                    continue
                if piece is None:
                    break
                yield piece
            if self._last:
                yield self._last
        finally:
            self.leave()

    async def _next(self) -> Piece | None:
        """The next piece; None at the end. Raises `TimeoutError` when it is time for a sign of life."""
        if self._queue.empty():
            if self._ended:
                return None
            async with asyncio.timeout(settings.KEEP_ALIVE_SECONDS):
                return await self._queue.get()
        return self._queue.get_nowait()

    def leave(self) -> None:
        self.turn.leave(self)
