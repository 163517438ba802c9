"""A ticket for the feed's socket: browsers cannot send a token along with one, and no token stands in an address."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.conf import settings

from accounts import database
from analytics.models import Ticket

# Two who bring the same ticket race for its row, and one deletes it.
USE = """
    DELETE FROM analytics_ticket WHERE hash = %(hash)s AND expires_at > now() RETURNING user_id, family_id
"""


@dataclass(frozen=True)
class Holder:
    """Who a ticket was given to, in which session; None: in the console's."""

    user_id: UUID
    family_id: UUID | None


def give(user_id: UUID, family_id: UUID | None, *, at: datetime) -> tuple[str, datetime]:
    """A new one, which nobody can read again, and when it ends."""
    ticket, expires_at = secrets.token_urlsafe(32), at + timedelta(seconds=settings.TICKET_SECONDS)
    Ticket.objects.create(hash=_hash(ticket), user_id=user_id, family_id=family_id, expires_at=expires_at)
    return ticket, expires_at


async def use(ticket: str) -> Holder | None:
    """Once; None for one that was used, has expired or was never given."""
    row = await database.fetch_one(USE, {"hash": _hash(ticket)})
    return Holder(**row) if row else None


def forget_old(at: datetime) -> int:
    return Ticket.objects.filter(expires_at__lt=at).delete()[0]


def _hash(ticket: str) -> str:
    return sha256(ticket.encode(errors="replace")).hexdigest()
