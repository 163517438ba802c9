"""A past that is played in one transaction: the database is told what time it is.

Much of the ledger goes by the database's clock, and rightly so: whether a plan still counts, when an entry was posted.
Inside `played`, a function `now()` of a schema that nobody else ever sees comes before PostgreSQL's own. Plans are made
once, while the tables may be empty, and kept, so they go by indexes from the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

BEGIN = """
    CREATE SCHEMA stipend_played;
    CREATE FUNCTION stipend_played.now() RETURNS timestamptz LANGUAGE sql STABLE
        AS $$ SELECT current_setting('stipend.played_at')::timestamptz $$;
    SET LOCAL search_path = stipend_played, pg_catalog, public;
    SET LOCAL plan_cache_mode = force_generic_plan;
    SET LOCAL enable_seqscan = off;
    SET LOCAL jit = off
"""
END = """
    SET LOCAL search_path TO DEFAULT;
    SET LOCAL plan_cache_mode TO DEFAULT;
    SET LOCAL enable_seqscan TO DEFAULT;
    SET LOCAL jit TO DEFAULT;
    DROP SCHEMA stipend_played CASCADE
"""

SetClock = Callable[[datetime], None]


@contextmanager
def played() -> Iterator[SetClock]:
    """What sets the clock, until the block ends. Nothing of the block stays where it raises."""
    with transaction.atomic(), connection.cursor() as cursor:

        def set_clock(at: datetime) -> None:
            cursor.execute("SELECT set_config('stipend.played_at', %s, true)", [at.isoformat()])

        cursor.execute(BEGIN)
        yield set_clock
        cursor.execute(END)
