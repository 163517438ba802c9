"""What customers, plans and models cost, beside what they earned.

Earned is what a monthly price comes to over the part of the month that it was paid for, and what was paid for packs and
is billed beyond plans in it. Providers are paid in USD, so a margin can be told only of what is earned in USD.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from accounts import database
from analytics import margin_statements as statements
from analytics.kpis import Money
from analytics.moments import Moment
from quotas.days import Days

MICRO_USD_A_CENT: Final = 10_000


@dataclass(frozen=True)
class Margin:
    """`cost` and `margin` in micro-USD; `margin` is None where some of `earned` is in another currency."""

    name: str
    tokens: int
    cost: int
    earned: list[Money]

    @property
    def margin(self) -> int | None:
        if any(money.currency != "USD" for money in self.earned):
            return None
        return sum(money.amount for money in self.earned) * MICRO_USD_A_CENT - self.cost


@dataclass(frozen=True)
class Loss:
    """Somebody who cost more than they paid. `cost` and `loss` in micro-USD, `earned` in cents."""

    workspace: UUID
    name: str
    plan: str
    tokens: int
    cost: int
    earned: int
    loss: int


def by_plan(month: Days, moment: Moment) -> list[Margin]:
    """The dearest first."""
    return _margins(database.fetch_all_now(statements.BY_PLAN, _params(month, moment)))


def by_model(month: Days, moment: Moment) -> list[Margin]:
    """What a plan earned is divided among its models by their tokens; what a plan without any earned is nobody's."""
    return _margins(database.fetch_all_now(statements.BY_MODEL, _params(month, moment)))


def of_workspaces(workspaces: Collection[UUID], month: Days, moment: Moment) -> dict[UUID, Margin]:
    """Of those alone, each named by its id; of who neither used nor earned anything, nothing."""
    params = {**_params(month, moment), "workspaces": list(workspaces)}
    return {UUID(found.name): found for found in _margins(database.fetch_all_now(statements.BY_WORKSPACE, params))}


def losses(month: Days, moment: Moment, *, paying: bool, count: int) -> list[Loss]:
    """The greatest first. `paying`: those alone who pay something, else also those who pay nothing."""
    params = {**_params(month, moment), "paying": paying, "count": count}
    return [Loss(**row) for row in database.fetch_all_now(statements.LOSSES, params)]


def _margins(rows: Iterable[database.Row]) -> list[Margin]:
    """Of rows of one `name` and `currency` each."""
    found: dict[str, Margin] = {}
    for row in rows:
        before = found.setdefault(row["name"], Margin(row["name"], row["tokens"], row["cost"], []))
        if row["currency"]:
            before.earned.append(Money(row["currency"], row["amount"]))
    return sorted(found.values(), key=lambda margin: (-margin.cost, margin.name))


def _params(month: Days, moment: Moment) -> dict[str, object]:
    """Of the running month, what was earned until now."""
    return {
        "month": month.first,
        "last": month.last,
        "starts_at": month.starts_at,
        "ends_at": month.ends_at,
        "until": min(month.ends_at, moment.at),
        "gateway": moment.gateway,
        "at": moment.at,
    }
