"""From a figure to the rows behind it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from analytics.moments import Moment
from quotas.days import Days


def rows(label: str, **filters: object) -> str:
    """A list of the console, `billing.invoice` say, filtered."""
    page = reverse(f"admin:{label.replace('.', '_')}_changelist")
    return f"{page}?{urlencode(filters)}" if filters else page


def row(label: str, pk: object) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_change", args=[pk])


def paid_now(moment: Moment, **filters: object) -> str:
    """Who pays something every month."""
    return rows("billing.recurringrevenue", ends_at__isempty=1, gateway__exact=moment.gateway, **filters)


def between(label: str, field: str, days: Days, **filters: object) -> str:
    """Rows whose moment `field` lies in these days."""
    return rows(label, **{f"{field}__gte": days.starts_at, f"{field}__lt": days.ends_at}, **filters)


def used(days: Days, **filters: object) -> str:
    """What was used in these days, by plan and model."""
    return rows("analytics.usageday", day__gte=days.first, day__lte=days.last, **filters)
