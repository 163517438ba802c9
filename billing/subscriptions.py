"""Which plan a workspace is on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import database
from accounts.erasure import Leaver
from accounts.models import Workspace
from billing.errors import UnknownPlan
from billing.models import Plan, Subscription

# Billing's answer to "which plan is %(workspace_id)s on?", to stand inside a larger statement: one row at most.
CURRENT_PLAN = """
    SELECT p.slug, p.allowed_models, s.current_period_end
    FROM billing_plan p
    LEFT JOIN billing_subscription s ON s.plan_id = p.slug AND s.workspace_id = %(workspace_id)s
        AND s.status IN ('trialing', 'active', 'past_due')
    WHERE s.id IS NOT NULL OR p.is_default
    ORDER BY s.id IS NULL
    LIMIT 1
"""


@dataclass(frozen=True)
class CurrentPlan:
    slug: str
    allowed_models: list[str]
    current_period_end: datetime | None


def current_plan(workspace_id: UUID) -> CurrentPlan:
    """The plan of its live subscription, else the catalogue's default. Raises `UnknownPlan` without a catalogue."""
    return _plan(database.fetch_one_now(CURRENT_PLAN, {"workspace_id": workspace_id}))


async def acurrent_plan(workspace_id: UUID) -> CurrentPlan:
    return _plan(await database.fetch_one(CURRENT_PLAN, {"workspace_id": workspace_id}))


def _plan(row: database.Row | None) -> CurrentPlan:
    if row is None:
        raise UnknownPlan("No catalogue is loaded: run `manage.py load_catalogue default`.")
    return CurrentPlan(**row)


def end_for(leaver: Leaver) -> dict[str, int]:
    """Nobody pays for an account that is erased. The rows stay, as the law wants, and name nobody."""
    live = Subscription.objects.filter(workspace__in=leaver.workspace_ids, status__in=Subscription.LIVE)
    return {"subscriptions": live.update(status=Subscription.Status.CANCELED, canceled_at=leaver.at)}


@transaction.atomic
def put_on_plan(workspace: Workspace, slug: str, *, at: datetime) -> Subscription | None:
    """End what runs and begin this plan at once, as staff do; None on the default plan, which needs no subscription."""
    plan = Plan.objects.filter(slug=slug).first()
    if plan is None:
        known = ", ".join(Plan.objects.values_list("slug", flat=True))
        raise UnknownPlan(f"There is no plan {slug}; there are: {known}.")
    # The workspace's row is the lock: two at once would otherwise both find nothing to end.
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    live = Subscription.objects.filter(workspace=workspace, status__in=Subscription.LIVE)
    live.update(status=Subscription.Status.CANCELED, canceled_at=at)
    if plan.is_default:
        return None
    return Subscription.objects.create(workspace=workspace, plan=plan, current_period_start=at)
