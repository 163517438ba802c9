"""What a workspace was charged, by day and by month of its own clock. From rollups, so that no line is read for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from accounts import database
from accounts.meters import Meter
from quotas import statements
from quotas.days import Days, months_of


@dataclass(frozen=True)
class Amount:
    """`used` in the meter's unit, by so many pieces of work."""

    used: int = 0
    works: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.used + other.used, self.works + other.works)


Amounts = Mapping[str, Amount]
"""By meter; every meter is there."""


@dataclass(frozen=True)
class Total:
    """Of one day, or of the month that begins on it."""

    date: date
    meters: Amounts


def by_day(workspace_id: UUID, days: Days, *, model: str | None = None) -> list[Total]:
    """Each of the days, the empty ones too, the oldest first. `model` None: all of them."""
    return _totals(statements.DAILY, days, within(workspace_id, days, model))


def by_month(workspace_id: UUID, months: Days, *, model: str | None = None) -> list[Total]:
    """The same of months."""
    return _totals(statements.MONTHLY, months_of(months), within(workspace_id, months, model))


def together(totals: Iterable[Total]) -> Amounts:
    found = list(totals)
    return {str(meter): sum((total.meters[meter] for total in found), Amount()) for meter in Meter}


def within(workspace_id: UUID, days: Days, model: str | None) -> dict[str, Any]:
    """The parameters of the statements that read rollups."""
    return {
        "workspace_id": workspace_id,
        "starts_at": days.starts_at,
        "ends_at": days.ends_at,
        "zone": str(days.zone),
        "model": model,
    }


def amounts_of(rows: Iterable[database.Row]) -> Amounts:
    found = {row["meter"]: Amount(row["used"], row["works"]) for row in rows}
    return {str(meter): found.get(meter, Amount()) for meter in Meter}


def _totals(statement: str, dates: Iterable[date], params: database.Params) -> list[Total]:
    of_dates: dict[date, list[database.Row]] = {day: [] for day in dates}
    for row in database.fetch_all_now(statement, params):
        of_dates[row["date"]].append(row)
    return [Total(day, amounts_of(found)) for day, found in of_dates.items()]
