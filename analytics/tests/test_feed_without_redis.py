"""The feed loses nothing with Redis: a hundred consoles on two servers, while it goes and comes back."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.tests.factories import PASSWORD
from analytics import events
from analytics.events import Happened, Kind
from analytics.live import tickets
from analytics.models import Event
from analytics.tests.sockets import opened
from analytics.tests.watching import staff
from config.tests.product import Product, started
from config.tests.redis import Redis, running
from conftest import UNHURRIED, Run

CONSOLES = 100


@dataclass
class Console:
    """It reads until it is told of the end; one that `drops` its line in the middle comes back with its cursor."""

    server: Product
    tickets: list[str]
    drops: bool
    seen: list[int]
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self) -> None:
        while not await self._is_at_the_end():
            pass

    async def _is_at_the_end(self) -> bool:
        async with opened(self.server, ticket=self.tickets.pop(), query=f"?after={self.seen[-1]}") as socket:
            self.ready.set()
            async for text in socket:
                event = json.loads(text)
                self.seen.append(event["id"])
                if event["data"].get("way") == "out":
                    return True
                if self.drops and len(self.seen) == 15:
                    return False
        raise AssertionError("the server closed it")


@pytest.mark.slow
def test_no_console_misses_an_event_while_redis_is_restarted(run: Run[Any], tmp_path: Path) -> None:
    async def watch(consoles: list[Console], redis: Redis) -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as watching:
            for console in consoles:
                watching.create_task(console.watch())
            for console in consoles:
                await console.ready.wait()
            await asyncio.to_thread(disturb, redis)
            await events.atell(Happened(Kind.ADMIN_LOGIN, data={"way": "out"}), at=now())

    def disturb(redis: Redis) -> None:
        sign_up(10)
        redis.kill()
        sign_up(10)
        redis.start_again()
        sign_up(10)

    def sign_up(times: int) -> None:
        for _ in range(times):
            somebody = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD, "name": "Ada"}
            assert servers[0].http.post("/api/v1/auth/register", json=somebody).status_code == 201

    dora, before = staff().user.pk, run(events.newest())
    with running(tmp_path / "redis") as redis, ExitStack() as stack:
        servers = [stack.enter_context(started({**UNHURRIED, "REDIS_URL": redis.url})) for _ in range(2)]
        consoles = [
            Console(servers[at % 2], [tickets.give(dora, None, at=now())[0] for _ in range(2)], at % 3 == 0, [before])
            for at in range(CONSOLES)
        ]
        run(watch(consoles, redis))

    told = list(Event.objects.filter(pk__gt=before).order_by("pk").values_list("pk", flat=True))
    assert len(told) == 31
    assert [console.seen[1:] for console in consoles] == [told] * CONSOLES
