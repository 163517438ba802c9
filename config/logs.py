"""What the logs may tell. A database that refuses a row says what stands in it, and that is nobody's news."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime

import psycopg
from django.db import Error as DjangoError

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""Of the request that this is done for, as it is answered too; tasks and threads that it begins have it with them."""

# Less than this tells nothing, and stands in many a line by chance.
SHORTEST = 8


class Discreet(logging.Formatter):
    """Has an error of the database say which one it was, and where, but none of its words."""

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_id.get()
        # The words may stand in the message too, as Celery has it; and another's formatting may be kept in the record.
        record.exc_text = None
        line = super().format(record)
        error = record.exc_info[1] if record.exc_info else None
        for said, instead in sorted(_words(error), key=lambda pair: -len(pair[0])):
            line = line.replace(said, instead)
        return line


class AsJson(Discreet):
    """A line is one object: `at`, `level`, `logger`, `request_id`, `message` with the traceback, and of a request its
    `method`, `route`, `status` and `seconds`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": request_id.get(),
            "message": super().format(record),
        }
        return json.dumps(line | getattr(record, "told", {}), ensure_ascii=False)


def _words(error: BaseException | None) -> Iterator[tuple[str, str]]:
    """What each error of the database on the way to this one says, as text and as `repr` has it, and what to say."""
    for found in _chain(error):
        if isinstance(found, psycopg.Error | DjangoError) and (said := str(found)):
            instead = f"[{_which(found)}]"
            for words in (said, repr(said)[1:-1], *said.splitlines()):
                if len(words) >= SHORTEST:
                    yield words, instead


def _chain(error: BaseException | None) -> list[BaseException]:
    """This one, and those that led to it."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is not None and current not in found:
            found.append(current)
            waiting += [current.__cause__, current.__context__, *getattr(current, "exceptions", ())]
    return found


def _which(error: BaseException) -> str:
    """SQLSTATE, and the constraint or the table, as far as the database names them."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if not isinstance(cause, psycopg.Error):
        return type(error).__name__
    named = [cause.sqlstate, cause.diag.constraint_name, cause.diag.table_name]
    return " ".join(name for name in named if name) or type(cause).__name__
