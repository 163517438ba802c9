"""Plans side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing.models import Plan


def compare(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """A row for each meter and window any of them limits: `{"meter", "window", "limits": {slug: limit or None}}`."""
    allowed = {plan.slug: {(limit.meter, limit.window): limit.limit for limit in plan.limits.all()} for plan in plans}
    rows = sorted({key for limits in allowed.values() for key in limits})
    return [
        {"meter": meter, "window": window, "limits": {slug: allowed[slug].get((meter, window)) for slug in allowed}}
        for meter, window in rows
    ]
