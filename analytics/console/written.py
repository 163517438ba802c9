"""Numbers for people to read."""

from __future__ import annotations

from typing import Final

from analytics.kpis import Money
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


def moneys(found: list[Money]) -> str:
    return ", ".join(money.written(each.amount, each.currency) for each in found) or NOTHING


def currencies(found: list[list[Money]]) -> list[str]:
    return sorted({each.currency for some in found for each in some})


def amount_in(found: list[Money], currency: str) -> int:
    return sum(each.amount for each in found if each.currency == currency)


def tone(amount: int) -> str:
    """That of a `Cell`."""
    return "good" if amount > 0 else "bad" if amount < 0 else ""
