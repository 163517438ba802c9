"""What happens too often for a row each: it is added up, and told every half second by the process it happens in.

Making a note is a dictionary's work, so that an answer or a refusal costs no round trip. What a process has noted when
it is killed is not told; the ledger and the decisions have it.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.timezone import now
from psycopg import Error as DatabaseError

from analytics import events
from analytics.events import Happened

logger = logging.getLogger(__name__)

EVERY_SECONDS = 0.5
MOST_ROWS = 10
"""Of one kind, each time: of so many workspaces at the most each has a row of its own."""

MOST_WORDS = 5


@dataclass
class Sum:
    """`sums` of numbers, `sets` of words, and who it was, where it was one alone."""

    users: set[UUID] = field(default_factory=set)
    sums: dict[str, int] = field(default_factory=dict)
    sets: dict[str, set[str]] = field(default_factory=dict)

    def merge(self, other: Sum) -> None:
        self.users |= other.users
        for name, amount in other.sums.items():
            self.sums[name] = self.sums.get(name, 0) + amount
        for name, words in other.sets.items():
            self.sets.setdefault(name, set()).update(words)

    def told(self, kind: str, workspace_id: UUID | None) -> Happened:
        user = next(iter(self.users)) if len(self.users) == 1 else None
        data = {**self.sums, **{name: sorted(words)[:MOST_WORDS] for name, words in self.sets.items()}}
        return Happened(kind, workspace_id, user, data)


_sums: dict[tuple[str, UUID | None], Sum] = {}
_waiting: asyncio.Task[None] | None = None


def note(kind: str, workspace_id: UUID | None, what: Sum) -> None:
    """It is told within a second, if this is called in an event loop; else with what is noted there next."""
    _sums.setdefault((kind, workspace_id), Sum()).merge(what)
    _set_out()


async def tell() -> None:
    """Tell now what is noted, as when the server stops. What cannot be told is kept for the next time."""
    taken = dict(_sums)
    _sums.clear()
    if not taken:
        return
    try:
        await events.atell(*_rows(taken), at=now())
    except DatabaseError:
        logger.warning("the feed was not told of what happened; it is told later", exc_info=True)
        for key, each in taken.items():
            _sums.setdefault(key, Sum()).merge(each)


def _rows(taken: dict[tuple[str, UUID | None], Sum]) -> list[Happened]:
    """One for each workspace, but where there are many of them one for all the rest."""
    rows: list[Happened] = []
    for kind in dict.fromkeys(kind for kind, _ in taken):
        found = [(workspace_id, each) for (name, workspace_id), each in taken.items() if name == kind]
        rows += [each.told(kind, workspace_id) for workspace_id, each in found[:MOST_ROWS]]
        if rest := found[MOST_ROWS:]:
            together = Sum()
            for _, each in rest:
                together.merge(each)
            together.sums["workspaces"] = len(rest)
            rows.append(together.told(kind, None))
    return rows


def _set_out() -> None:
    global _waiting
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # A thread or a command: who notes next in an event loop takes it along.
        return
    if _waiting is None or _waiting.done() or _waiting.get_loop() is not loop:
        # Whoever notes first: what is told is everybody's.
        _waiting = loop.create_task(_tell_soon(), context=Context())


async def _tell_soon() -> None:
    await asyncio.sleep(EVERY_SECONDS)
    await tell()
