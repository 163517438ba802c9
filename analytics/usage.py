"""What models were used for, from sums of days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from analytics.models import CustomerMonth, KindDay, UsageDay
from quotas.days import Days

Grouped = list[dict[str, Any]]


@dataclass(frozen=True)
class Day:
    day: date
    tokens: int
    cost: int
    works: int


@dataclass(frozen=True)
class Usage:
    """Of some days, the empty ones among them. Of models and plans `name`, `tokens`, `cost` (micro-USD), `works`.

    `by_kind` is what providers reported, so that what was charged by estimate may differ: of each kind of work
    `name`, `calls`, `cost` and its tokens by theirs.
    """

    tokens: int
    cost: int
    works: int
    by_day: list[Day]
    by_model: Grouped
    by_plan: Grouped
    by_kind: Grouped


@dataclass(frozen=True)
class TopCustomer:
    """In one month; cost in micro-USD."""

    workspace: UUID
    name: str
    email: str
    tokens: int
    cost: int
    works: int


def usage(days: Days) -> Usage:
    found = UsageDay.objects.filter(day__gte=days.first, day__lte=days.last).order_by()
    by_day = [Day(**row) for row in _summed(found, "day")]
    return Usage(
        tokens=sum(day.tokens for day in by_day),
        cost=sum(day.cost for day in by_day),
        works=sum(day.works for day in by_day),
        by_day=_every(days, by_day),
        by_model=_named(found, "model"),
        by_plan=_named(found, "plan"),
        by_kind=_by_kind(days),
    )


def top_customers(month: date, *, by: str, count: int) -> list[TopCustomer]:
    """`by` is `tokens` or `cost`."""
    best = CustomerMonth.objects.filter(month=month).select_related("workspace").order_by(f"-{by}")[:count]
    return [
        TopCustomer(row.workspace_id, row.workspace.name, row.workspace.email, row.tokens, row.cost, row.works)
        for row in best
    ]


def _every(days: Days, found: Iterable[Day]) -> list[Day]:
    by_date = {each.day: each for each in found}
    return [by_date.get(day, Day(day, 0, 0, 0)) for day in days]


def _summed(found: QuerySet[UsageDay], by: str) -> Iterable[dict[str, Any]]:
    rows = found.values_list(by).annotate(Sum("tokens"), Sum("cost"), Sum("works"))
    return [dict(zip((by, "tokens", "cost", "works"), row, strict=True)) for row in rows]


def _named(found: QuerySet[UsageDay], by: str) -> Grouped:
    """The dearest first."""
    rows = [{"name": row.pop(by), **row} for row in _summed(found, by)]
    return sorted(rows, key=lambda row: (-row["cost"], row["name"]))


def _by_kind(days: Days) -> Grouped:
    found = KindDay.objects.filter(day__gte=days.first, day__lte=days.last).order_by()
    counted = ["calls", "input_tokens", "cache_write_tokens", "cache_read_tokens", "output_tokens", "cost"]
    sums = found.values_list("kind").annotate(*(Sum(name) for name in counted))
    rows = [dict(zip(("name", *counted), row, strict=True)) for row in sums]
    return sorted(rows, key=lambda row: (-row["cost"], row["name"]))
