"""Plans that tests make for themselves."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.utils.timezone import now

from accounts.tests.factories import Person
from billing import subscriptions
from billing.models import Plan, PlanLimit

BILLED_BEYOND = {"tokens_day": {"limit": 100, "overage_price": 1}}


def put_on_plan(person: Person, **limits: int | dict[str, Any]) -> Plan:
    """Of limits such as `tokens_day=100` or `tokens_month={"limit": 100, "rolls_over": 50}`."""
    slug = f"own-{uuid4().hex[:12]}"
    plan = Plan.objects.create(slug=slug, name=slug, rank=200, is_offered=False)
    for policy, limit in limits.items():
        meter, window = policy.split("_")
        terms = limit if isinstance(limit, dict) else {"limit": limit}
        PlanLimit.objects.create(plan=plan, meter=meter, window=window, **terms)
    subscriptions.put_on_plan(person.workspace, slug, at=now())
    return plan
