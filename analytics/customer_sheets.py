"""Customers as CSV, however many: a thousand lines at a time, each read when the former are gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections

from analytics import customers
from analytics.customers import Customers
from quotas import sheets

CHUNK = 1000


async def pieces(found: Customers) -> AsyncIterator[bytes]:
    """`customers.COLUMNS`, then a line for each, the newest first."""
    yield sheets.written([customers.COLUMNS])
    last = None
    while chunk := await sync_to_async(_chunk)(found, last):
        yield sheets.written([_cell(row[column]) for column in customers.COLUMNS] for row in chunk)
        last = (chunk[-1]["created_at"], chunk[-1]["id"])


def _chunk(found: Customers, last: tuple[Any, UUID] | None) -> list[dict[str, Any]]:
    try:
        return customers.following(found, "created_at", last, CHUNK)
    finally:
        connections.close_all()  # However slowly it is fetched, it holds no connection.


def _cell(value: Any) -> sheets.Cell:
    return value if isinstance(value, int) else "" if value is None else str(value)
