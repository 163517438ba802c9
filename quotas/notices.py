"""A word when 80 and 100 % of a limit are used, once in a window: a letter to who looks after the workspace, and news.

The row was written by the statement that settled the work. Here it is told, once, however many tell at the same time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts import letters, memberships
from accounts.meters import Window
from billing.models import PlanLimit
from quotas.decisions import local
from quotas.errors import during, unit
from quotas.models import Bucket, Notice
from quotas.signals import allowance_reached

LATE = timedelta(days=1)
"""So long after the end of its window a notice is still of use."""


@transaction.atomic
def tell_next(at: datetime) -> bool:
    """Tell the notice that has waited longest; False when none waits that nobody else has in hand.

    Those below it of the same window are told with it.
    """
    notice = _take()
    if notice is None:
        return False
    Notice.objects.filter(bucket=notice.bucket, percent__lte=notice.percent, told_at=None).update(told_at=at)
    if _is_of_use(notice, at):
        _write(notice)
        transaction.on_commit(partial(allowance_reached.send_robust, Notice, **_news(notice), at=at))
    return True


def _take() -> Notice | None:
    """The highest of its window, so that who has it in hand never waits for who has another of the same."""
    higher = Notice.objects.filter(bucket=OuterRef("bucket"), percent__gt=OuterRef("percent"), told_at=None)
    waiting = Notice.objects.filter(~Exists(higher), told_at=None).order_by("created_at")
    return waiting.select_for_update(skip_locked=True, of=["self"]).select_related("bucket__workspace").first()


def _is_of_use(notice: Notice, at: datetime) -> bool:
    """No longer where its window has long ended, or what was used was reset, or a larger plan counts."""
    bucket = notice.bucket
    still_so = bucket.used * 100 >= bucket.limit * notice.percent
    return still_so and bucket.ends_at > at - LATE and bucket.workspace.deleted_at is None


def _write(notice: Notice) -> None:
    workspace = notice.bucket.workspace
    context = {
        "workspace": workspace.name,
        "percent": notice.percent,
        "allowance": _allowance(notice.bucket),
        "url": f"{settings.FRONTEND_URL}/billing",
    }
    for reader in memberships.who_looks_after(workspace):
        letters.post("allowance_reached", to=reader.email, user=reader, context=context)


def _allowance(bucket: Bucket) -> dict[str, Any]:
    """In words of our own, which need no disarming."""
    zone = ZoneInfo(bucket.workspace.time_zone)
    return {
        "meter": bucket.meter,
        "unit": unit(bucket.meter),
        "during": during(bucket.window),
        "used": f"{bucket.used:,}",
        "limit": f"{bucket.limit:,}",
        "beyond": _beyond(bucket),
        "resets": None if bucket.window == Window.LIFETIME else local(bucket.ends_at, zone),
    }


def _beyond(bucket: Bucket) -> str:
    """What becomes of who passes it."""
    sold = PlanLimit.objects.filter(plan=bucket.plan, meter=bucket.meter, window=bucket.window).first()
    return sold.policy if sold else "hard"


def _news(notice: Notice) -> dict[str, Any]:
    bucket = notice.bucket
    news = {name: getattr(bucket, name) for name in ("workspace_id", "meter", "window", "used", "limit")}
    return {**news, "percent": notice.percent}
