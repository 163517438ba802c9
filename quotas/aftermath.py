"""What came of a request whose process may have died: the ledger knows."""

from __future__ import annotations

from enum import Enum, auto

from accounts import database

# Whatever is charged says on what that rests.
OF_REQUEST = """
    SELECT COALESCE(bool_or(state = 'pending'), false) AS under_way, COALESCE(bool_or(basis <> ''), false) AS charged
    FROM quotas_reservation WHERE request_id = %(request_id)s
"""


class Aftermath(Enum):
    NOTHING = auto()
    UNDER_WAY = auto()
    CHARGED = auto()


async def of(request_id: str) -> Aftermath:
    """`UNDER_WAY` until its reservation is settled, or expires."""
    row = await database.fetch_one(OF_REQUEST, {"request_id": request_id})
    if row and row["under_way"]:
        return Aftermath.UNDER_WAY
    return Aftermath.CHARGED if row and row["charged"] else Aftermath.NOTHING
