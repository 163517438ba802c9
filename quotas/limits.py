"""A limit as it stands at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from accounts.meters import Window

MINUTE = "minute"
"""The window of what is counted beside the ledger, see `quotas.paces`."""


@dataclass(frozen=True)
class Limit:
    """`hold` is what a request asked of it: 0 when nothing was asked. Amounts are in the meter's own unit.

    `holder` is whose limit it is: the `workspace`'s by its plan, or the own one of a `member` or a `key`. `credits` are
    beside a workspace's limit, and this request takes `from_credits` of them. `resets_at` is None where it never does.
    """

    meter: str
    window: str
    limit: int
    used: int
    reserved: int
    hard: bool
    resets_at: datetime | None
    hold: int = 0
    holder: str = "workspace"
    soft: bool = False
    credits: int = 0
    from_credits: int = 0

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Limit:
        ends = None if row["window"] == Window.LIFETIME else datetime.fromisoformat(row["resets_at"])
        return cls(**{**row, "resets_at": ends})

    @property
    def remaining(self) -> int:
        """Left of the limit to reserve; never below 0, though an overrun may have gone past it."""
        return max(0, self.limit - self.used - self.reserved)

    @property
    def room(self) -> int:
        """Left to reserve with credits."""
        return self.remaining + self.credits

    @property
    def refuses(self) -> bool:
        return self.hard and self.hold > self.room

    @property
    def beyond(self) -> str:
        """What happens beyond it: `hard` refuses, `overage` bills, `soft` only tells."""
        return "hard" if self.hard else "soft" if self.soft else "overage"

    @property
    def with_hold(self) -> Limit:
        """As it stands once what is asked of it is held."""
        return replace(
            self,
            reserved=self.reserved + self.hold,
            hold=0,
            credits=self.credits - self.from_credits,
            from_credits=0,
        )

    def charged(self, amount: int) -> Limit:
        """As it stands with nothing held and so much charged: to the limit first, then to credits."""
        from_credits = min(self.credits, max(0, amount - self.remaining))
        return replace(
            self, used=self.used + amount - from_credits, hold=0, credits=self.credits - from_credits, from_credits=0
        )

    @property
    def policy(self) -> str:
        """Its name in the RateLimit headers and wherever else a limit is named, such as `key-tokens-day`."""
        return (
            f"{self.meter}-{self.window}" if self.holder == "workspace" else f"{self.holder}-{self.meter}-{self.window}"
        )


def tightest(limits: Iterable[Limit]) -> Limit | None:
    """The one with the least left, credits too. One that stops nobody counts only where none is hard."""
    return min(limits, key=lambda limit: (not limit.hard, limit.room), default=None)


def tightest_of_each(limits: list[Limit]) -> list[Limit]:
    """Of the limits on one meter in one window, the tightest."""
    windows = dict.fromkeys((limit.meter, limit.window) for limit in limits)
    found = (tightest(limit for limit in limits if (limit.meter, limit.window) == window) for window in windows)
    return [limit for limit in found if limit]
