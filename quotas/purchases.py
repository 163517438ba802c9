"""Credit for packs that are paid: granted once, as soon as that is heard, or found by the beat.

Billing announces, and whether a purchase is paid it alone knows: the grant asks it, whoever says so and how often.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.timezone import now

from accounts.audit import SYSTEM
from billing.models import PackPurchase
from quotas import grants
from quotas.grants import Gift
from quotas.models import Grant

State = PackPurchase.State


def grant_for(purchase_id: UUID, *, at: datetime) -> Grant | None:
    """None where it is not paid, or was granted before."""
    purchase = PackPurchase.objects.filter(pk=purchase_id, state=State.PAID).first()
    if purchase is None:
        return None
    lasts = purchase.lasts_days and timedelta(days=purchase.lasts_days)
    gift = Gift(
        purchase.meter,
        purchase.amount,
        Grant.Source.PURCHASE,
        expires_at=at + lasts if lasts else None,
        reason=f"Bought: {purchase.pack_id}.",
        purchase_id=purchase.pk,
    )
    return grants.give(purchase.workspace_id, gift, by=SYSTEM, at=at)


def grant_paid(at: datetime) -> int:
    """Those that nobody was told of in time; how many."""
    missed = PackPurchase.objects.filter(state=State.PAID, grant=None).values_list("pk", flat=True)
    return sum(grant_for(purchase_id, at=at) is not None for purchase_id in missed)


def take_back(purchase_id: UUID, *, at: datetime) -> int:
    """What is left of a pack that was paid back as a whole; how much that was."""
    grant = Grant.objects.filter(purchase=purchase_id, purchase__state=State.REFUNDED).first()
    return grants.revoke(grant, by=SYSTEM, reason="The purchase was paid back.", at=at) if grant else 0


def take_back_refunded(at: datetime) -> int:
    """Those that nobody was told of in time; how much."""
    refunded = Grant.objects.filter(purchase__state=State.REFUNDED, bucket__ends_at__gt=at)
    return sum(take_back(grant.purchase_id, at=at) for grant in refunded if grant.purchase_id)


def hear_of_payment(*, purchase: UUID, at: datetime, **_: Any) -> None:
    grant_for(purchase, at=at)


def hear_of_refund(*, purchase: UUID, **_: Any) -> None:
    take_back(purchase, at=now())
