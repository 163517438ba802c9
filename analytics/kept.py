"""What has to look at every customer, counted every minute and kept with the moment, so that whoever reads waits for
none of it. It names nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from accounts import database
from analytics.models import KeptFigure
from analytics.moments import Moment

FOR: Final = timedelta(minutes=5)
"""Where nothing counts any more, whoever reads does."""


def keep(name: str, moment: Moment, statement: str, params: database.Params) -> None:
    """Count now, for whoever reads by that name and gateway."""
    counted = {"rows": database.fetch_all_now(statement, params), "counted_at": moment.at}
    KeptFigure.objects.update_or_create(name=name, gateway=moment.gateway, defaults=counted)


def rows(name: str, moment: Moment, statement: str, params: database.Params) -> list[dict[str, Any]]:
    """As they were counted last, else as they are."""
    kept = _kept(name, moment)
    return kept.rows if kept else database.fetch_all_now(statement, params)


def counted_at(name: str, moment: Moment) -> datetime:
    """Since when `rows` says what it says."""
    kept = _kept(name, moment)
    return kept.counted_at if kept else moment.at


def _kept(name: str, moment: Moment) -> KeptFigure | None:
    fresh = KeptFigure.objects.filter(counted_at__range=(moment.at - FOR, moment.at + FOR))
    return fresh.filter(name=name, gateway=moment.gateway).first()
