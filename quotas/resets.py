"""What is used is forgotten, with an entry that says by whom and why. The limit counts anew; the ledger keeps both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import database
from accounts.audit import Actor
from accounts.meters import Meter, Window
from quotas import statements


@dataclass(frozen=True)
class Reset:
    """Of one bucket, so much."""

    bucket_id: int
    amount: int


def reset(
    workspace_id: UUID,
    *,
    meters: Sequence[str] = tuple(Meter),
    windows: Sequence[str] = tuple(Window),
    by: Actor,
    reason: str,
    at: datetime,
) -> list[Reset]:
    """Of the workspace's own windows that are open. What work under way holds stays held, and credits stay used."""
    params = {
        "workspace_id": workspace_id,
        "meters": list(map(str, meters)),
        "reset_windows": list(map(str, windows)),
        "actor": by.name,
        "reason": reason,
        "at": at,
    }
    return [Reset(**row) for row in database.fetch_all_now(statements.RESET, params)]
