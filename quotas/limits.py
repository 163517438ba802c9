"""A limit as it stands at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Limit:
    """`hold` is what a request asked of it: 0 when nothing was asked. Amounts are in the meter's own unit.

    `holder` is whose limit it is: the `workspace`'s by its plan, or the own one of a `member` or a `key`.
    """

    meter: str
    window: str
    limit: int
    used: int
    reserved: int
    hard: bool
    resets_at: datetime
    hold: int = 0
    holder: str = "workspace"

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Limit:
        return cls(**{**row, "resets_at": datetime.fromisoformat(row["resets_at"])})

    @property
    def remaining(self) -> int:
        """Left to reserve; never below 0, though an overrun may have gone past the limit."""
        return max(0, self.limit - self.used - self.reserved)

    @property
    def refuses(self) -> bool:
        return self.hard and self.hold > self.remaining

    @property
    def policy(self) -> str:
        """Its name in the RateLimit headers and wherever else a limit is named, such as `key-tokens-day`."""
        return (
            f"{self.meter}-{self.window}" if self.holder == "workspace" else f"{self.holder}-{self.meter}-{self.window}"
        )


def tightest(limits: Iterable[Limit]) -> Limit | None:
    """The one with the least left. One that is billed beyond stops nobody, so it counts only where none is hard."""
    return min(limits, key=lambda limit: (not limit.hard, limit.remaining), default=None)


def tightest_of_each(limits: list[Limit]) -> list[Limit]:
    """Of the limits on one meter in one window, the tightest."""
    windows = dict.fromkeys((limit.meter, limit.window) for limit in limits)
    found = (tightest(limit for limit in limits if (limit.meter, limit.window) == window) for window in windows)
    return [limit for limit in found if limit]
