"""Credits: so much of a meter beside what the plan allows, until it is used or expires."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import audit, database
from accounts.audit import SYSTEM, Actor
from quotas import statements
from quotas.models import Grant

PRIORITY = 50
"""Of a grant that says nothing else. The lower is used first."""


@dataclass(frozen=True)
class Gift:
    """What a grant is to be. `expires_at` None: never."""

    meter: str
    amount: int
    source: Grant.Source
    expires_at: datetime | None = None
    priority: int = PRIORITY
    reason: str = ""
    purchase_id: UUID | None = None
    promotion_id: str | None = None


@transaction.atomic
def give(workspace_id: UUID, gift: Gift, *, by: Actor, at: datetime) -> Grant | None:
    """To be used from now on. None where it was given before, for the same purchase or promotion."""
    params = {
        "workspace_id": workspace_id,
        "meter": str(gift.meter),
        "amount": gift.amount,
        "source": str(gift.source),
        "priority": gift.priority,
        "starts_at": at,
        "expires_at": gift.expires_at,
        "reason": gift.reason,
        "actor": by.name,
        "purchase_id": gift.purchase_id,
        "promotion_id": gift.promotion_id,
    }
    given = database.fetch_one_now(statements.GIVE, params)
    if given is None:
        return None
    grant = Grant.objects.select_related("bucket").get(pk=given["id"])
    _note("credit.given", grant, amount=grant.amount, reason=gift.reason, by=by, at=at)
    return grant


@transaction.atomic
def revoke(grant: Grant, *, by: Actor, reason: str, at: datetime) -> int:
    """End it now, and take back what is not used; how much that was. What work under way holds of it and gives back is
    taken as it expires. Nothing, where it has ended already."""
    params = {"grant_id": grant.pk, "actor": by.name, "reason": reason, "at": at}
    ended = database.fetch_all_now(statements.REVOKE, params)
    if not ended:
        return 0
    taken = int(ended[0]["amount"])
    _note("credit.revoked", grant, amount=taken, reason=reason, by=by, at=at)
    return taken


def expire(at: datetime) -> int:
    """Post what is left of those that have ended; how many there were."""
    return len(database.fetch_all_now(statements.EXPIRE_GRANTS, {"at": at, "actor": SYSTEM.name, "reason": ""}))


def _note(action: str, grant: Grant, *, amount: int, reason: str, by: Actor, at: datetime) -> None:
    told = {"meter": grant.meter, "amount": amount, "source": grant.source, "reason": reason}
    audit.record(action, by=by, subject=grant, at=at, workspace_id=grant.workspace_id, after=told)
