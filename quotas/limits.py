"""A limit as it stands for one workspace at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Limit:
    """`hold` is what a request asked of it: 0 when nothing was asked. Amounts are in the meter's own unit."""

    meter: str
    window: str
    limit: int
    used: int
    reserved: int
    hard: bool
    resets_at: datetime
    hold: int = 0

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
        """Its name in the RateLimit headers and wherever else a limit is named."""
        return f"{self.meter}-{self.window}"
