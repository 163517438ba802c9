"""Windows that follow on those that ended, without anybody's asking."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Workspace
from billing.models import PlanLimit
from quotas import windows
from quotas.models import Bucket

LATELY = timedelta(days=1)
"""The beat comes by often; what it missed for longer begins on first use."""


def begin_anew(at: datetime) -> int:
    """Begin the windows that follow on those that ended lately, so that what is left rolls over without use as well.

    How many workspaces had one. A window in which nothing was used, and of which nothing rolls over, has none to follow
    it before it is used: who left long ago has no new rows a day.
    """
    followed = Workspace.objects.filter(pk__in=_to_follow(at).values("workspace"), deleted_at=None)
    for workspace in followed:
        windows.begin_now(windows.limits_of_workspace(workspace, at))
    return len(followed)


def _to_follow(at: datetime) -> QuerySet[Bucket]:
    """Buckets of workspaces that have no successor yet."""
    latter = Bucket.objects.filter(
        workspace=OuterRef("workspace"),
        meter=OuterRef("meter"),
        window=OuterRef("window"),
        holder_id=OuterRef("holder_id"),
        starts_at__gte=OuterRef("ends_at"),
    )
    rolls = PlanLimit.objects.filter(
        plan=OuterRef("plan"), meter=OuterRef("meter"), window=OuterRef("window"), rolls_over__gt=0
    )
    ended = Bucket.objects.filter(grant=None, key=None, member=None, ends_at__gt=at - LATELY, ends_at__lte=at)
    return ended.filter(Q(used__gt=0) | Exists(rolls)).exclude(Exists(latter))
