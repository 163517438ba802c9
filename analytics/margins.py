"""What customers, plans and models cost, beside what they earned.

Earned is what a monthly price comes to over the part of the month that it was paid for, and what was paid for packs and
is billed beyond plans in it. Providers are paid in USD, so a margin can be told only of what is earned in USD.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts import database
from analytics import kept
from analytics import margin_statements as statements
from analytics.kpis import Money
from analytics.moments import Moment
from quotas.days import Days

MICRO_USD_A_CENT: Final = 10_000
MOST_LOSSES: Final = 100
STATEMENTS: Final[Mapping[str, str]] = {
    "plan": statements.BY_PLAN,
    "model": statements.BY_MODEL,
    "losing": statements.LOSSES,
    "paying": statements.LOSSES,
}


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
    return _margins(_rows("plan", month, moment))


def by_model(month: Days, moment: Moment) -> list[Margin]:
    """What a plan earned is divided among its models by their tokens; what a plan without any earned is nobody's."""
    return _margins(_rows("model", month, moment))


def of_workspaces(workspaces: Collection[UUID], month: Days, moment: Moment) -> dict[UUID, Margin]:
    """Of those alone, each named by its id; of who neither used nor earned anything, nothing."""
    params = {**_params("workspaces", month, moment), "workspaces": list(workspaces)}
    return {UUID(found.name): found for found in _margins(database.fetch_all_now(statements.BY_WORKSPACE, params))}


def losses(month: Days, moment: Moment, *, paying: bool, count: int) -> list[Loss]:
    """The greatest first, `MOST_LOSSES` of them at most. `paying`: of those alone who pay something."""
    found = _rows("paying" if paying else "losing", month, moment)[:count]
    params = {"workspaces": [row["workspace"] for row in found], "at": moment.at}
    named = {str(row.pop("id")): row for row in database.fetch_all_now(statements.NAMES, params)}
    return [
        Loss(**{**row, "workspace": UUID(str(row["workspace"])), **named[str(row["workspace"])]})
        for row in found
        if str(row["workspace"]) in named
    ]


def keep(moment: Moment) -> None:
    """Count the running month for those who read it within the next minutes."""
    month = moment.months(1)
    for name, statement in STATEMENTS.items():
        kept.keep(_name(name, month), moment, statement, _params(name, month, moment))


def counted_at(month: Days, moment: Moment) -> datetime:
    """When all of these were, which every minute does for the running month."""
    return kept.counted_at(_name("plan", month), moment)


def _rows(name: str, month: Days, moment: Moment) -> list[dict[str, Any]]:
    params = _params(name, month, moment)
    if month == moment.months(1):
        return kept.rows(_name(name, month), moment, STATEMENTS[name], params)
    return database.fetch_all_now(STATEMENTS[name], params)


def _name(name: str, month: Days) -> str:
    return f"margins by {name} in {month.first:%Y-%m}"


def _margins(rows: Iterable[database.Row]) -> list[Margin]:
    """Of rows of one `name` and `currency` each."""
    found: dict[str, Margin] = {}
    for row in rows:
        before = found.setdefault(row["name"], Margin(row["name"], row["tokens"], row["cost"], []))
        if row["currency"]:
            before.earned.append(Money(row["currency"], row["amount"]))
    return sorted(found.values(), key=lambda margin: (-margin.cost, margin.name))


def _params(name: str, month: Days, moment: Moment) -> dict[str, object]:
    """Of the running month, what was earned until now."""
    return {
        "month": month.first,
        "last": month.last,
        "starts_at": month.starts_at,
        "ends_at": month.ends_at,
        "until": min(month.ends_at, moment.at),
        "gateway": moment.gateway,
        "paying": name == "paying",
        "count": MOST_LOSSES,
    }
