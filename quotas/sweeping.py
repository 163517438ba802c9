"""What a killed process left: reservations whose lease ran out, by the database's clock."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import database
from accounts.database import Row
from quotas import statements
from quotas.models import Basis, Reservation
from quotas.signals import work_resolved

logger = logging.getLogger(__name__)

PUT_OFF = timedelta(minutes=10)


def sweep_reservations() -> int:
    """Expire every reservation nobody renews any more, posting its checkpoint; how many there were."""
    swept = 0
    while _expire_one():
        swept += 1
    return swept


def left_behind() -> QuerySet[Reservation]:
    """Those that are to be swept."""
    return Reservation.objects.filter(state=Reservation.State.PENDING, lease_until__lt=Now())


@transaction.atomic
def _expire_one() -> bool:
    found = database.fetch_one_now(statements.EXPIRED, {})
    if found is None:
        return False
    try:
        with transaction.atomic():
            _resolve(found)
    except DatabaseError:
        # One that cannot be resolved must not keep the others waiting behind it.
        logger.exception("reservation %s could not be expired", found["id"])
        Reservation.objects.filter(pk=found["id"]).update(lease_until=Now() + PUT_OFF)
    return True


def _resolve(found: Row) -> None:
    checkpoint = database.from_json(found["checkpoint"])
    basis = str(Basis.ESTIMATED) if checkpoint else ""
    database.fetch_one_now(
        statements.RESOLVE,
        {
            "reservation_id": found["id"],
            "state": "expired",
            "basis": basis,
            "meters": list(checkpoint),
            "amounts": list(checkpoint.values()),
        },
    )
    transaction.on_commit(partial(work_resolved.send_robust, Reservation, state="expired", basis=basis))
