"""Codes that give credit, once to each workspace."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from accounts.audit import Actor
from quotas import grants
from quotas.errors import PromotionUnknown, PromotionUsed
from quotas.grants import Gift
from quotas.models import Grant, Promotion


@transaction.atomic
def redeem(workspace_id: UUID, code: str, *, by: Actor, at: datetime) -> Grant:
    """Raises `PromotionUnknown` for a code that is none, or no more; `PromotionUsed` the second time."""
    code = code.strip().upper()
    valid = (Q(ends_at=None) | Q(ends_at__gt=at)) & (Q(most=None) | Q(redeemed__lt=F("most")))
    promotion = Promotion.objects.select_for_update().filter(valid, code=code).first()
    if promotion is None:
        raise PromotionUsed(code) if _was_redeemed(workspace_id, code) else PromotionUnknown(code)
    lasts = promotion.lasts_days and timedelta(days=promotion.lasts_days)
    gift = Gift(
        promotion.meter,
        promotion.amount,
        Grant.Source.PROMOTION,
        expires_at=at + lasts if lasts else None,
        reason=f"Code {code}.",
        promotion_id=code,
    )
    grant = grants.give(workspace_id, gift, by=by, at=at)
    if grant is None:
        raise PromotionUsed(code)
    Promotion.objects.filter(pk=code).update(redeemed=F("redeemed") + 1)
    return grant


def _was_redeemed(workspace_id: UUID, code: str) -> bool:
    return Grant.objects.filter(workspace=workspace_id, promotion=code).exists()
