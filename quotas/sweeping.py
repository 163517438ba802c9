"""What a killed process left: reservations whose lease ran out, by the database's clock."""

from __future__ import annotations

from django.db import transaction

from accounts import database
from quotas import statements
from quotas.models import Basis


def sweep_reservations() -> int:
    """Expire every reservation nobody renews any more, posting its checkpoint; how many there were."""
    swept = 0
    while _expire_one():
        swept += 1
    return swept


@transaction.atomic
def _expire_one() -> bool:
    found = database.fetch_one_now(statements.EXPIRED, {})
    if found is None:
        return False
    checkpoint = database.from_json(found["checkpoint"])
    database.fetch_one_now(
        statements.RESOLVE,
        {
            "reservation_id": found["id"],
            "state": "expired",
            "basis": str(Basis.ESTIMATED) if checkpoint else "",
            "meters": list(checkpoint),
            "amounts": list(checkpoint.values()),
        },
    )
    return True
