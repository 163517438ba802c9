"""Numbers for people to read."""

from __future__ import annotations

from typing import Final

from billing import money

MICRO_USD_A_CENT: Final = 10_000
NOTHING: Final = "-"


def number(amount: int) -> str:
    return f"{amount:,}"


def usd(micro_usd: int) -> str:
    """`$12.35`, a half rounded up; `$0.0042` where it is less than a cent."""
    sign, amount = "-" if micro_usd < 0 else "", abs(micro_usd)
    if 0 < amount < MICRO_USD_A_CENT:
        return f"{sign}${amount / 1_000_000:.4f}"
    return sign + money.written((2 * amount + MICRO_USD_A_CENT) // (2 * MICRO_USD_A_CENT), "USD")


def percent(part: float | None) -> str:
    return NOTHING if part is None else f"{part:,} %"


def signed(part: float | None) -> str:
    return NOTHING if part is None else f"{part:+,} %"
