"""A server that stops says so to its sockets, and who comes back to the next one with a cursor has missed nothing."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from websockets.exceptions import ConnectionClosed

from analytics import events
from analytics.events import Happened, Kind
from analytics.live import tickets
from analytics.models import Event
from analytics.tests.sockets import opened
from analytics.tests.watching import staff
from config.tests.product import Product, started
from conftest import UNHURRIED, Run

CONSOLES = 20
RESTARTS = 1012
"""As the registry of close codes has it: come back, to whoever is here then."""


@dataclass
class Deploy:
    """The `old` server is stopped as soon as every console has seen five events; thirty more are told meanwhile."""

    old: Product
    new: Product
    before: int
    passes: list[list[str]]
    seen_five: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    stopped: int | None = None

    async def play(self) -> list[tuple[list[int], int]]:
        """What each console saw, and how the old server let it go."""
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            watching = [group.create_task(self._watch(console)) for console in range(CONSOLES)]
            for _ in range(5):
                await self._tell()
            group.create_task(self._stop())
        return [each.result() for each in watching]

    async def _watch(self, console: int) -> tuple[list[int], int]:
        seen = [self.before]
        code = await self._follow(self.old, console, seen)
        await self._follow(self.new, console, seen)
        return seen[1:], code

    async def _follow(self, server: Product, console: int, seen: list[int]) -> int:
        ticket, query = self.passes[console].pop(), f"?after={seen[-1]}"
        async with opened(server, ticket=ticket, query=query) as socket:
            with suppress(ConnectionClosed):
                while True:
                    event = json.loads(await socket.recv())
                    seen.append(event["id"])
                    if len(seen) == 6:
                        self.seen_five.release()
                    if event["data"].get("way") == "out":
                        break
            return socket.close_code or 0

    async def _stop(self) -> None:
        for _ in range(CONSOLES):
            await self.seen_five.acquire()
        self.old.signal(signal.SIGTERM)
        for _ in range(30):
            await self._tell()
        self.stopped = await asyncio.to_thread(self.old.process.wait, 20)
        await self._tell(way="out")

    async def _tell(self, **data: str) -> None:
        await events.atell(Happened(Kind.ADMIN_LOGIN, data=data), at=now())


@pytest.mark.slow
def test_a_console_of_a_server_that_stops_goes_on_at_the_next_one(run: Run[Any]) -> None:
    dora, before = staff().user.pk, run(events.newest())
    with ExitStack() as stack:
        old, new = (stack.enter_context(started(UNHURRIED)) for _ in range(2))
        until = now() + timedelta(minutes=1)
        passes = [[tickets.give(dora, None, at=until)[0] for _ in range(2)] for _ in range(CONSOLES)]
        deploy = Deploy(old, new, before, passes)
        found = run(deploy.play())

    told = list(Event.objects.filter(pk__gt=before).order_by("pk").values_list("pk", flat=True))
    assert len(told) == 36
    assert [seen for seen, _ in found] == [told] * CONSOLES
    assert {code for _, code in found} == {RESTARTS}
    assert deploy.stopped in (0, -signal.SIGTERM)
