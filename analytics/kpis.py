"""Every figure by which the business is steered, each defined once, here, and computed in the database.

Money is in minor units, and currencies are never added together. Periods are the operator's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from accounts import database
from accounts.models import User
from analytics import kept, statements
from analytics.moments import Moment
from quotas.days import months_of
from quotas.periods import midnight

TREND_DAYS = 30
MONTHS = 12


@dataclass(frozen=True)
class Money:
    currency: str
    amount: int


@dataclass(frozen=True)
class Churn:
    """Who paid when the month began and does not any more, of all who did; and, as some count it, who stopped since
    then, of all users. In percent, to two places; None where there is nobody to leave."""

    cancelled: int
    paying_before: int
    percent: float | None
    stopped: int
    users: int
    percent_of_users: float | None


@dataclass(frozen=True)
class Growth:
    """From `before`, when the month began, to `after`, now: each part of the difference, none below zero.

    after = before + new + expansion - contraction - churned. Who pays in another currency left one and is new in the
    other.
    """

    currency: str
    before: int
    after: int
    new: int
    expansion: int
    contraction: int
    churned: int

    @property
    def percent(self) -> float | None:
        return percent(self.after - self.before, self.before)


@dataclass(frozen=True)
class MonthStart:
    """What came in a month, when the month began."""

    month: date
    mrr: list[Money]


@dataclass(frozen=True)
class RevenueDay:
    """Paid on that day, by invoice or for a pack, less what was paid back of it later."""

    day: date
    revenue: list[Money]


@dataclass(frozen=True)
class SignUps:
    day: date
    users: int


@dataclass(frozen=True)
class Group:
    """Some workspaces, those of them that pay, and what comes from them every month."""

    name: str
    workspaces: int
    paying: int
    mrr: list[Money]


def mrr(moment: Moment) -> list[Money]:
    """The monthly price of every subscription that is active or past due."""
    return [Money(row["currency"], row["amount"]) for row in _rows(statements.PAYING, moment)]


def arpu(moment: Moment) -> list[Money]:
    """MRR by paying workspace, a half rounded up."""
    return [Money(row["currency"], divided(row["amount"], row["paying"])) for row in _rows(statements.PAYING, moment)]


def churn(moment: Moment) -> Churn:
    row = _row(statements.CHURN, moment)
    return Churn(
        row["cancelled"],
        row["paying_before"],
        percent(row["cancelled"], row["paying_before"]),
        row["stopped"],
        row["users"],
        percent(row["stopped"], row["users"]),
    )


def growth(moment: Moment) -> list[Growth]:
    return [Growth(**row) for row in _rows(statements.GROWTH, moment)]


def mrr_trend(moment: Moment) -> list[MonthStart]:
    """When this month and each of the eleven before began."""
    months = months_of(moment.months(MONTHS))
    starts = [midnight(month, moment.zone) for month in months]
    rows = _rows(statements.MRR_AT, moment, moments=starts)
    return [
        MonthStart(month, _money(row for row in rows if row["at"] == at))
        for month, at in zip(months, starts, strict=True)
    ]


def revenue_trend(moment: Moment) -> list[RevenueDay]:
    days = moment.days(TREND_DAYS)
    rows = _rows(statements.REVENUE, moment, starts_at=days.starts_at, ends_at=days.ends_at)
    return [RevenueDay(day, _money(row for row in rows if row["day"] == day)) for day in days]


def user_growth(moment: Moment) -> list[SignUps]:
    days = moment.days(TREND_DAYS)
    rows = _rows(statements.SIGN_UPS, moment, starts_at=days.starts_at, ends_at=days.ends_at)
    found = {row["day"]: row["users"] for row in rows}
    return [SignUps(day, found.get(day, 0)) for day in days]


def users(moment: Moment) -> int:
    """Those who may sign in."""
    return User.objects.filter(is_active=True, erased_at=None).count()


def by_plan(moment: Moment) -> list[Group]:
    """Of what is paid or owed, else had; the default plan where that is nothing."""
    return _groups("plan", moment)


def by_industry(moment: Moment) -> list[Group]:
    """Of the owner's profile, else of the workspace's newest strategy; in small letters, nameless where unknown."""
    return _groups("industry", moment)


def by_country(moment: Moment) -> list[Group]:
    """Of the newest invoice's address that has one; who never paid has none."""
    return _groups("country", moment)


GROUPED: Final[Mapping[str, str]] = {
    "plan": statements.BY_PLAN,
    "industry": statements.BY_INDUSTRY,
    "country": statements.BY_COUNTRY,
}
KPIS: Mapping[str, Callable[[Moment], Any]] = {
    "mrr": mrr,
    "arpu": arpu,
    "churn": churn,
    "growth": growth,
    "mrr_trend": mrr_trend,
    "revenue_trend": revenue_trend,
    "user_growth": user_growth,
    "users": users,
    "tiers": by_plan,
    "industries": by_industry,
}
BREAKDOWNS: Mapping[str, Callable[[Moment], list[Group]]] = {
    "plan": by_plan,
    "industry": by_industry,
    "country": by_country,
}


def every(moment: Moment) -> dict[str, Any]:
    """Each of `KPIS` by its name."""
    return {name: kpi(moment) for name, kpi in KPIS.items()}


def keep(moment: Moment) -> None:
    """Count the groups of `BREAKDOWNS` for those who read them within the next minutes."""
    for by, statement in GROUPED.items():
        kept.keep(_name(by), moment, statement, _params(moment))


def grouped_at(by: str, moment: Moment) -> datetime:
    """When the groups of `BREAKDOWNS` were counted, which every minute does."""
    return kept.counted_at(_name(by), moment)


def divided(amount: int, by: int) -> int:
    """A half rounded up."""
    return (2 * amount + by) // (2 * by)


def percent(part: int, whole: int) -> float | None:
    """To two places, a half up; None of nothing."""
    return divided(10_000 * part, whole) / 100 if whole else None


def _groups(by: str, moment: Moment) -> list[Group]:
    """The largest first."""
    found: dict[str, list[database.Row]] = {}
    for row in kept.rows(_name(by), moment, GROUPED[by], _params(moment)):
        found.setdefault(row["name"], []).append(row)
    groups = [
        Group(name, _sum(rows, "workspaces"), _sum(rows, "paying"), _money(row for row in rows if row["currency"]))
        for name, rows in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.paying, -group.workspaces, group.name))


def _name(by: str) -> str:
    return f"by {by}"


def _money(rows: Iterable[database.Row]) -> list[Money]:
    return sorted((Money(row["currency"], row["amount"]) for row in rows), key=lambda money: money.currency)


def _sum(rows: Iterable[database.Row], name: str) -> int:
    return sum(row[name] for row in rows)


def _rows(statement: str, moment: Moment, **params: Any) -> list[database.Row]:
    return database.fetch_all_now(statement, {**_params(moment), **params})


def _row(statement: str, moment: Moment) -> database.Row:
    return database.fetch_all_now(statement, _params(moment))[0]


def _params(moment: Moment) -> dict[str, Any]:
    return {
        "at": moment.at,
        "month_began_at": moment.month_began_at,
        "gateway": moment.gateway,
        "zone": moment.zone.key,
    }
