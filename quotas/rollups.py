"""Rollups anew, from what each piece of work was charged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from accounts import database
from quotas import statements

CHUNK = timedelta(days=30)


@dataclass(frozen=True)
class Difference:
    """One rollup that did not say what its work was charged."""

    workspace_id: UUID
    hour: datetime
    meter: str
    model: str
    found: int
    found_works: int
    amount: int
    works: int

    def __str__(self) -> str:
        return (
            f"{self.workspace_id} {self.hour:%Y-%m-%d %H:%M} {self.meter} {self.model or 'no model'}: "
            f"{self.found} in {self.found_works} works, not {self.amount} in {self.works}"
        )


def rebuild(workspace_id: UUID) -> Iterator[Difference]:
    """Put right every rollup of a workspace; what differed. Work may be settled meanwhile."""
    yield from _through(workspace_id, statements.MEND_ROLLUPS)
    with connection.cursor() as cursor:
        cursor.execute(statements.FORGET_EMPTY_ROLLUPS, {"workspace_id": workspace_id})


def differences(workspace_id: UUID) -> Iterator[Difference]:
    """The same, and nothing is changed."""
    return _through(workspace_id, statements.ROLLUPS_THAT_DIFFER)


def _through(workspace_id: UUID, statement: str) -> Iterator[Difference]:
    span = database.fetch_one_now(statements.ROLLED_SPAN, {"workspace_id": workspace_id})
    if span is None or span["first"] is None:
        return
    starts_at = span["first"]
    while starts_at <= span["last"]:
        yield from _chunk(statement, workspace_id, starts_at, starts_at + CHUNK)
        starts_at += CHUNK


@transaction.atomic
def _chunk(statement: str, workspace_id: UUID, starts_at: datetime, ends_at: datetime) -> list[Difference]:
    params = {"workspace_id": workspace_id, "starts_at": starts_at, "ends_at": ends_at}
    with connection.cursor() as cursor:
        # Two at once would both add what is missing. Settlements need not wait: they add, and so does this.
        cursor.execute(statements.ONE_AT_A_TIME, {"workspace_id": workspace_id})
    return [Difference(workspace_id, **row) for row in database.fetch_all_now(statement, params)]
