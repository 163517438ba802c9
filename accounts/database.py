"""The short road to PostgreSQL: psycopg's own asynchronous pool, for the few statements every request waits on.

A request costs half of what the ORM through a thread costs. Everything else uses the ORM. It stands in
the lowest app because every app above runs such statements.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection
from psycopg import AsyncConnection, Cursor
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

Row = DictRow
Params = Mapping[str, Any]
Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()


def _conninfo() -> dict[str, Any]:
    database = connection.settings_dict
    wanted = {
        "dbname": database["NAME"],
        "host": database["HOST"],
        "port": database["PORT"],
        "user": database["USER"],
        "password": database["PASSWORD"],
    }
    return {name: value for name, value in wanted.items() if value}


async def open_pool() -> Pool:
    """This event loop's pool, opened once."""
    loop = asyncio.get_running_loop()
    if loop not in _pools:
        _pools[loop] = AsyncConnectionPool(
            kwargs={**_conninfo(), "autocommit": True, "row_factory": dict_row},
            connection_class=Connection,
            min_size=1,
            max_size=settings.DATABASE_POOL_SIZE,
            timeout=settings.DATABASE_POOL_SECONDS,
            open=False,
        )
        await _pools[loop].open()
    return _pools[loop]


async def close_pool() -> None:
    pool = _pools.pop(asyncio.get_running_loop(), None)
    if pool:
        await pool.close()


@asynccontextmanager
async def connected() -> AsyncIterator[Connection]:
    pool = await open_pool()
    async with pool.connection() as held:
        yield held


async def fetch_one(sql: str, params: Params) -> Row | None:
    async with connected() as held:
        return await (await held.execute(sql, params)).fetchone()


async def fetch_all(sql: str, params: Params) -> list[Row]:
    async with connected() as held:
        return await (await held.execute(sql, params)).fetchall()


async def fetch_first_of(statements: list[tuple[str, Params]]) -> Row | None:
    """Run the statements in one transaction and one round trip; the answer is the first one's row."""
    async with connected() as held:
        async with held.pipeline(), held.transaction():
            cursors = [await held.execute(sql, params) for sql, params in statements]
        return await cursors[0].fetchone()


def fetch_one_now(sql: str, params: Params) -> Row | None:
    """The same for synchronous code, through Django's connection and its transaction."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
        columns = [column.name for column in cursor.description]
    return dict(zip(columns, row, strict=True)) if row else None


def fetch_all_now(sql: str, params: Params) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def run_prepared(sql: str, params: Params) -> list[Row]:
    """The same, planned once and kept by the connection: for long statements that are run again and again, which take
    longer to plan than to run. Django's own cursors plan anew each time."""
    connection.ensure_connection()
    held = connection.connection
    former, held.prepare_threshold = held.prepare_threshold, 0
    try:
        with Cursor(held, row_factory=dict_row) as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else []
    finally:
        held.prepare_threshold = former


def from_json(value: Any) -> Any:
    """A JSON column as Django's connection gives it: text, which psycopg's own pool would have read already."""
    return json.loads(value) if isinstance(value, str) else value
