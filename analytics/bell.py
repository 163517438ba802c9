"""A word through Redis that there is something new, and nothing more: what it is stands in the rows.

So nothing is lost with a word. Whoever watches looks into the rows every other second all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

from accounts import outage

logger = logging.getLogger(__name__)

GROUP = "activity"
PATIENCE_SECONDS = 0.5


async def ring() -> None:
    """Without Redis it does not ring."""
    if outage.is_noted():
        return
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await get_channel_layer().group_send(GROUP, {"type": "told"})
    except (RedisError, OSError) as exc:  # A TimeoutError is an OSError.
        outage.note(exc)


def ring_after_commit() -> None:
    transaction.on_commit(async_to_sync(ring))


async def listen(heard: Callable[[], None]) -> None:
    """Call it whenever the bell rings, until cancelled. Raises `RedisError` and `OSError` where there is no Redis."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    try:
        while True:
            await layer.receive(channel)
            heard()
    finally:
        await layer.group_discard(GROUP, channel)
