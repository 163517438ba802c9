"""Amounts for people to read. Everywhere else money is an integer in minor units."""

from __future__ import annotations

# ISO 4217 as Stripe has it: what has no minor unit, and what has three digits of it.
ZERO_DECIMAL = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split())
THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥"}


def written(amount: int, currency: str) -> str:
    """`$29.00`, `-$3.10`, `¥500`, `CHF 29.00`."""
    currency = currency.upper()
    sign = SIGNS.get(currency, f"{currency} ")
    return f"{'-' if amount < 0 else ''}{sign}{_number(abs(amount), decimals(currency))}"


def decimals(currency: str) -> int:
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def _number(amount: int, places: int) -> str:
    whole, rest = divmod(amount, 10**places)
    return f"{whole:,}.{rest:0{places}}" if places else f"{whole:,}"


def micro_usd(amount: int) -> str:
    """What providers are paid: `$12.30`, and of less than a dollar as much as tells, `$0.0042`."""
    places = 2 if abs(amount) >= 1_000_000 or not amount else 4
    least = 10 ** (6 - places)
    sign = "-" if amount < 0 else ""
    rounded = (abs(amount) + least // 2) // least
    return f"{sign}${_number(rounded, places)}" if rounded or not amount else f"{sign}<$0.0001"
