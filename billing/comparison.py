"""Plans side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from billing.models import Plan, PlanLimit


def compare(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """A row for each meter and window any of them limits: `{"meter", "window", "limits", "policies"}`.

    `limits` and `policies` are by the plan's slug, and None where it sets none.
    """
    allowed = {plan.slug: {(limit.meter, limit.window): limit for limit in plan.limits.all()} for plan in plans}
    rows = sorted({key for limits in allowed.values() for key in limits})
    return [
        _row(meter, window, {slug: allowed[slug].get((meter, window)) for slug in allowed}) for meter, window in rows
    ]


def _row(meter: str, window: str, limits: Mapping[str, PlanLimit | None]) -> dict[str, Any]:
    return {
        "meter": meter,
        "window": window,
        "limits": {slug: limit and limit.limit for slug, limit in limits.items()},
        "policies": {slug: limit and limit.policy for slug, limit in limits.items()},
    }
