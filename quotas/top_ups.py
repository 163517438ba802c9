"""Packs bought by themselves, whenever little is left of a meter."""

from __future__ import annotations

import uuid
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts import letters
from accounts.audit import SYSTEM
from billing import packs
from billing.errors import GatewayRejected, GatewayUnavailable
from billing.gateways import Gateway
from billing.models import PackPurchase
from quotas import periods, purchases, reports
from quotas.limits import tightest
from quotas.models import TopUp

State = PackPurchase.State


def top_up_all(gateway: Gateway, *, at: datetime) -> int:
    """Buy for every workspace that wants it and has little left; how many packs were paid."""
    wanted = TopUp.objects.filter(paused_at=None, workspace__deleted_at=None).select_related("workspace", "pack")
    return sum(_top_up(gateway, each, at=at) for each in wanted.iterator())


def _top_up(gateway: Gateway, top_up: TopUp, *, at: datetime) -> bool:
    purchase_id = _purchase_due(top_up, at)
    if purchase_id is None:
        return False
    try:
        bought = packs.buy_automatically(
            gateway, top_up.workspace, top_up.pack, by=SYSTEM, at=at, purchase_id=purchase_id
        )
    except (GatewayUnavailable, GatewayRejected):  # It stays open, and the next time goes on with it.
        return False
    if bought.state == State.FAILED:
        _pause(top_up, bought, at)
    return purchases.grant_for(bought.pk, at=at) is not None or bought.state == State.PAID


def _purchase_due(top_up: TopUp, at: datetime) -> UUID | None:
    """Which purchase it would be, the same for whoever asks meanwhile; None where none is due."""
    month = periods.month_at(at, ZoneInfo(top_up.workspace.time_zone))
    bought = PackPurchase.objects.filter(
        workspace=top_up.workspace_id, meter=top_up.meter, is_automatic=True, created_at__gte=month.starts_at
    )
    under_way = bought.filter(state=State.OPEN).first()
    if under_way:
        return under_way.pk
    number = bought.count()
    if bought.exclude(state=State.FAILED).count() >= top_up.a_month or not _is_low(top_up, at):
        return None
    return uuid.uuid5(top_up.workspace_id, f"{top_up.meter} {month.starts_at.isoformat()} {number}")


def _is_low(top_up: TopUp, at: datetime) -> bool:
    """Nothing is low where no hard limit speaks of the meter."""
    limits = reports.usage_of(top_up.workspace, at).limits
    limit = tightest(limit for limit in limits if limit.meter == top_up.meter and limit.hard)
    return limit is not None and limit.room < top_up.below


def _pause(top_up: TopUp, failed: PackPurchase, at: datetime) -> None:
    """Nobody's card is tried again and again: it goes on when somebody says so."""
    if TopUp.objects.filter(pk=top_up.pk, paused_at=None).update(paused_at=at):
        context = {"pack": top_up.pack.name, "amount": failed.price, "currency": failed.currency, "why": failed.error}
        letters.post("top_up_paused", to=top_up.workspace.email, context=context)
