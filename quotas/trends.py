"""When and with which models a workspace works, whether it is more or less, and how long its allowance will do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts import database
from accounts.callers import Caller
from accounts.meters import Meter
from quotas import statements
from quotas.days import Days, beginning_of_hour, until
from quotas.limits import Limit
from quotas.totals import Amounts, amounts_of, within

WEEK = 7
HOUR = timedelta(hours=1)

MODEL, HOUR_OF_DAY, WEEKDAY = 3, 5, 6
"""What `statements.PATTERNS` was divided by."""


@dataclass(frozen=True)
class Share:
    """Of one model, hour of the day (0 to 23) or weekday (1 Monday to 7 Sunday): `of` says which."""

    of: str | int
    meters: Amounts


@dataclass(frozen=True)
class Patterns:
    """Models by name, those alone that were used; all 24 hours, all 7 weekdays."""

    by_model: list[Share]
    by_hour: list[Share]
    by_weekday: list[Share]


@dataclass(frozen=True)
class Trend:
    """The `last` 7 whole days and the 7 `before` them. `percent` is None where there was nothing before."""

    meter: str
    last: int
    before: int

    @property
    def change(self) -> int:
        return self.last - self.before

    @property
    def percent(self) -> int | None:
        """Whole ones, a half away from zero."""
        if not self.before:
            return None
        sign = 1 if self.change >= 0 else -1
        return sign * ((abs(self.change) * 200 + self.before) // (2 * self.before))


@dataclass(frozen=True)
class Forecast:
    """Of one hard limit: when what is left of it, credits too, ends at the pace of the last days, `spent` of them in
    `seconds`. `ends_at` is None where it lasts until it begins anew."""

    meter: str
    window: str
    left: int
    spent: int
    seconds: int
    resets_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True)
class Outlook:
    trend: list[Trend]
    forecast: list[Forecast]


def patterns(caller: Caller, days: Days, *, model: str | None = None) -> Patterns:
    rows = database.fetch_all_now(statements.PATTERNS, within(caller.workspace_id, days, model))
    models = sorted({row["model"] for row in rows if row["divided_by"] == MODEL})
    return Patterns(
        by_model=_shares(rows, MODEL, models, lambda row: row["model"]),
        by_hour=_shares(rows, HOUR_OF_DAY, range(24), lambda row: row["hour_of_day"]),
        by_weekday=_shares(rows, WEEKDAY, range(1, 8), lambda row: row["weekday"]),
    )


def outlook(caller: Caller, limits: Iterable[Limit], at: datetime) -> Outlook:
    """`limits` as they stand at that moment. The plan's are told of: it is the workspace whose pace counts."""
    last = until(at.astimezone(caller.zone).date() - timedelta(days=1), WEEK, caller.zone)
    before = until(last.first - timedelta(days=1), WEEK, caller.zone)
    lately = beginning_of_hour(max(caller.since, at - timedelta(days=WEEK)), caller.zone)
    params = {
        "workspace_id": caller.workspace_id,
        "starts_at": before.starts_at,
        "middle": last.starts_at,
        "ends_at": last.ends_at,
        "lately": lately,
    }
    rows = {row["meter"]: row for row in database.fetch_all_now(statements.TREND, params)}
    nothing = {"last": 0, "before": 0, "lately": 0}
    of_meters = {str(meter): rows.get(meter, nothing) for meter in Meter}
    seconds = int(max(at - lately, HOUR).total_seconds())
    return Outlook(
        trend=[Trend(meter, row["last"], row["before"]) for meter, row in of_meters.items()],
        forecast=[
            _forecast(limit, of_meters[limit.meter]["lately"], seconds, at)
            for limit in limits
            if limit.hard and limit.holder == "workspace"
        ],
    )


def _forecast(limit: Limit, spent: int, seconds: int, at: datetime) -> Forecast:
    ends_at = _end(limit, spent, seconds, at)
    return Forecast(limit.meter, limit.window, limit.room, spent, seconds, limit.resets_at, ends_at)


def _end(limit: Limit, spent: int, seconds: int, at: datetime) -> datetime | None:
    if not limit.room:
        return at
    if not spent:
        return None
    left = limit.room * seconds // spent
    if limit.resets_at and left >= (limit.resets_at - at).total_seconds():
        return None
    return at + timedelta(seconds=left) if left < FAR else None


FAR = 100 * 366 * 24 * 3600
"""In seconds. What lasts a hundred years has no end that a date could tell."""


def _shares(
    rows: Iterable[database.Row], divided_by: int, names: Iterable[str | int], name: Callable[[database.Row], str | int]
) -> list[Share]:
    found: dict[str | int, list[database.Row]] = {known: [] for known in names}
    for row in rows:
        if row["divided_by"] == divided_by:
            found[name(row)].append(row)
    return [Share(known, amounts_of(rows)) for known, rows in found.items()]
