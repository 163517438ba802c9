"""Last month replayed under other prices or limits, before they are published. Nothing is changed.

Who is on the plan now is asked about. Credits, carry-over and what people would have done otherwise are not replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from accounts import database
from accounts.meters import Meter, Window
from analytics import what_if_statements as statements
from analytics.moments import Moment
from billing.subscriptions import plan_named
from quotas.days import Days

REPLAYED: Final = [f"{meter}-{window}" for meter in Meter for window in (Window.DAY, Window.MONTH)]
"""Limits that a calendar month can tell of: windows of other lengths began and ended in other months too."""
WORST: Final = 50


@dataclass(frozen=True)
class NewLimit:
    """`overage_price` in cents for each unit beyond; None: it refuses."""

    policy: str
    limit: int
    overage_price: int | None = None


@dataclass(frozen=True)
class Hit:
    """Somebody who passed a limit: in so many `windows`, by `beyond` in all, and with `most` in one of them."""

    workspace: UUID
    name: str
    windows: int
    most: int
    beyond: int


@dataclass(frozen=True)
class Outcome:
    """Of one limit: how many would be refused, or pay `amount` cents more, and the worst hit of them."""

    policy: str
    limit: int
    refuses: bool
    customers: int
    beyond: int
    amount: int
    worst: list[Hit]


@dataclass(frozen=True)
class Repriced:
    """Those who pay this much a month now, in minor units, and what would come from them every month."""

    currency: str
    amount: int
    customers: int
    before: int
    after: int


@dataclass(frozen=True)
class Replay:
    """`customers` are on the plan."""

    plan: str
    month: Days
    customers: int
    limits: list[Outcome]
    prices: list[Repriced]


def replay(plan: str, *, limits: Sequence[NewLimit], prices: Mapping[str, int], month: Days, moment: Moment) -> Replay:
    """`prices` by currency, in minor units a month. Raises `UnknownPlan`."""
    params = {
        "plan": plan_named(plan).slug,
        "at": moment.at,
        "gateway": moment.gateway,
        "first": month.first,
        "last": month.last,
        "worst": WORST,
    }
    count = database.fetch_all_now(statements.CUSTOMERS, params)[0]["customers"]
    paying = database.fetch_all_now(statements.PAYING, params)
    return Replay(
        plan=plan,
        month=month,
        customers=count,
        limits=[_outcome(limit, params) for limit in limits],
        prices=[
            Repriced(**row, before=row["amount"] * row["customers"], after=prices[row["currency"]] * row["customers"])
            for row in paying
            if row["currency"] in prices
        ],
    )


def _outcome(limit: NewLimit, params: Mapping[str, object]) -> Outcome:
    meter, _, window = limit.policy.partition("-")
    asked = {**params, "meter": meter, "window": window, "limit": limit.limit}
    rows = database.fetch_all_now(statements.BEYOND, asked)
    beyond = rows[0]["total"] if rows else 0
    return Outcome(
        policy=limit.policy,
        limit=limit.limit,
        refuses=limit.overage_price is None,
        customers=rows[0]["customers"] if rows else 0,
        beyond=beyond,
        amount=beyond * (limit.overage_price or 0),
        worst=[Hit(row["workspace"], row["name"], row["windows"], row["most"], row["beyond"]) for row in rows],
    )
