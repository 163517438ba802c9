"""What is used is forgotten, with an entry that says by whom and why. The limit counts anew; the ledger keeps both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from accounts import audit, database
from accounts.audit import Actor
from accounts.meters import Meter, Window
from accounts.models import Workspace
from billing import subscriptions
from quotas import statements
from quotas import windows as opened
from quotas.models import Bucket


@dataclass(frozen=True)
class Reset:
    """Of one bucket, so much."""

    bucket_id: int
    meter: str
    window: str
    amount: int

    @property
    def policy(self) -> str:
        return f"{self.meter}-{self.window}"


def reset(
    workspace_id: UUID,
    *,
    meters: Sequence[str] = tuple(Meter),
    windows: Sequence[str] = tuple(Window),
    by: Actor,
    reason: str,
    at: datetime,
) -> list[Reset]:
    """Of the workspace's own windows that are open. What work under way holds stays held, and credits stay used.

    Windows that still count for a former plan are brought along first, so that nothing is carried over twice.
    """
    workspace = Workspace.objects.get(pk=workspace_id)
    opened.begin_now(opened.limits_of_workspace(workspace, at))
    params = {
        "workspace_id": workspace_id,
        "meters": list(map(str, meters)),
        "reset_windows": list(map(str, windows)),
        "actor": by.name,
        "reason": reason,
        "at": at,
    }
    with transaction.atomic():
        done = [Reset(**row) for row in database.fetch_all_now(statements.RESET, params)]
        if done:
            said = {"forgotten": {one.policy: one.amount for one in done}, "reason": reason}
            audit.record("usage.reset", by=by, subject=workspace, at=at, workspace_id=workspace_id, after=said)
    return done


def would_reset(workspace_id: UUID, *, meters: Sequence[str], windows: Sequence[str], at: datetime) -> list[Reset]:
    """What `reset` would forget at this moment. Nothing is written."""
    found = _used(meters, windows, at).filter(workspace=workspace_id).order_by("meter", "window")
    return [Reset(*row) for row in found.values_list("pk", "meter", "window", "used")]


def workspaces_to_reset(
    *, plan: str | None = None, meters: Sequence[str], windows: Sequence[str], at: datetime
) -> Iterator[Workspace]:
    """All in which something is to be forgotten, or those that are on this plan now."""
    for workspace in Workspace.objects.filter(pk__in=_used(meters, windows, at).values("workspace")).order_by("pk"):
        if plan is None or subscriptions.current_plan(workspace.pk).slug == plan:
            yield workspace


def _used(meters: Sequence[str], windows: Sequence[str], at: datetime) -> QuerySet[Bucket]:
    own = Bucket.objects.filter(holder_id=F("workspace_id"), meter__in=meters, window__in=windows)
    return own.filter(starts_at__lte=at, ends_at__gt=at, used__gt=0)
