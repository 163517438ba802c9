"""A console's socket to the product, as a browser or a program opens it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from accounts.tests.factories import Person
from analytics.tests.watching import staff_token
from config.tests.product import Product

PATH = "/ws/admin/activity"


def ticket_of(product: Product, somebody: Person) -> str:
    answer = product.http.post("/api/v1/analytics/activity/ticket", headers=staff_token(somebody))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["ticket"])


@asynccontextmanager
async def opened(
    product: Product, *, ticket: str = "", query: str = "", origin: str | None = None, cookie: str = "", **how: Any
) -> AsyncIterator[ClientConnection]:
    """With a ticket as the subprotocol, if any, and connected `how` it says. Raises `InvalidStatus` where it is
    refused."""
    spoken = [Subprotocol("stipend.activity"), Subprotocol(f"ticket.{ticket}")] if ticket else None
    headers = {"cookie": cookie} if cookie else None
    url = product.url.replace("http", "ws", 1) + PATH + query
    said = Origin(origin) if origin else None
    async with connect(url, subprotocols=spoken, origin=said, additional_headers=headers, **how) as socket:
        yield socket


async def is_refused(product: Product, **how: Any) -> bool:
    try:
        async with opened(product, **how):
            return False
    except InvalidStatus as exc:
        return exc.response.status_code == 403


async def next_event(socket: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async for text in socket:
        event: dict[str, Any] = json.loads(text)
        if wanted(event):
            return event
    raise AssertionError("the socket ended before it came")
