"""What billing keeps of a person, for their export."""

from __future__ import annotations

from collections.abc import Iterable

from accounts import archives
from accounts.archives import Json, rows
from accounts.holdings import own_workspaces
from accounts.models import User
from billing.models import Subscription


def contribute() -> None:
    archives.contribute("subscriptions", "The plans your workspace was on.", subscriptions)


def subscriptions(user: User) -> Iterable[Json]:
    found = Subscription.objects.filter(workspace__in=own_workspaces(user))
    fields = ["workspace_id", "plan_id", "status", "current_period_start", "current_period_end", "created_at"]
    return rows(found, *fields, "canceled_at")
