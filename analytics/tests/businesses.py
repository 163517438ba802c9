"""Businesses as they might have gone: who began, changed and ended what, and when; what they paid and used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st

HOUR: Final = timedelta(hours=1)
CUSTOMERS: Final = 6
ZONES: Final = ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"]
CURRENCIES: Final = ["INR", "USD"]
PERIODS: Final = [("month", 1), ("year", 1), ("day", 30), ("month", 3)]
INDUSTRIES: Final = ["", "Food", "food ", "Law"]
COUNTRIES: Final = ["", "DE", "FR"]
MODELS: Final = ["opus", "sonnet"]
ROADS: Final = ["conversation", "messages"]
CREWS: Final = ["strategy", "operation"]

Terms = tuple[str, int, str, int]
"""Currency, amount, interval and how many of them."""


@dataclass(frozen=True)
class Change:
    """`how` is active, past_due or trialing at these terms; given, by staff; or ended. A plan that no news comes of
    counts for `lasts` hours; None: for good."""

    customer: int
    hours_before: int
    how: str
    terms: Terms
    lasts: int | None


@dataclass(frozen=True)
class Payment:
    """Of an invoice; one that is not `paid` is open."""

    customer: int
    hours_before: int
    currency: str
    amount: int
    refunded: int
    country: str
    paid: bool


@dataclass(frozen=True)
class Pack:
    customer: int
    hours_before: int
    currency: str
    price: int
    refunded: int


@dataclass(frozen=True)
class Beyond:
    """Units beyond the plan, billed in US cents, or given up."""

    customer: int
    hours_before: int
    units: int
    unit_price: int
    given_up: bool


@dataclass(frozen=True)
class Work:
    """What was charged; cost in micro-USD."""

    customer: int
    hours_before: int
    model: str
    tokens: int
    cost: int


@dataclass(frozen=True)
class Call:
    """What a provider reported of one call: input, written for five minutes and an hour, read, output."""

    customer: int
    hours_before: int
    kind: str
    tokens: tuple[int, int, int, int, int]
    cost: int


@dataclass(frozen=True)
class Strategy:
    customer: int
    hours_before: int
    industry: str
    deleted: bool


@dataclass(frozen=True)
class Business:
    """`zone` is the operator's clock, `clocks` and `industries` are the customers', one each; who is `gone` has deleted
    their workspace."""

    at: datetime
    zone: str
    clocks: list[str]
    industries: list[str]
    gone: set[int]
    changes: list[Change]
    payments: list[Payment]
    packs: list[Pack]
    beyond: list[Beyond]
    works: list[Work]
    calls: list[Call]
    strategies: list[Strategy]
    sign_ups: list[int]


def _about_months() -> st.SearchStrategy[datetime]:
    """Often about a month's end, which is another moment in every zone. In years in which nothing else is."""
    months = st.builds(
        lambda year, month: datetime(year, month, 1, tzinfo=UTC), st.integers(2043, 2045), st.integers(1, 12)
    )
    return st.builds(
        lambda month, hours: month + hours * HOUR, months, st.one_of(st.integers(-15, 15), st.integers(0, 743))
    )


whose = st.integers(0, CUSTOMERS - 1)
hours = st.one_of(st.integers(0, 30), st.integers(0, 900))
long_ago = st.one_of(hours, st.integers(0, 9000))
terms = st.tuples(st.sampled_from(CURRENCIES), st.integers(1, 5000)).flatmap(
    lambda money: st.sampled_from(PERIODS).map(lambda period: (*money, *period))
)
moves = st.sampled_from(["active", "active", "active", "past_due", "trialing", "given", "ended"])
money = st.sampled_from(CURRENCIES)
some = st.integers(0, 99)
businesses = st.builds(
    Business,
    at=_about_months(),
    zone=st.sampled_from(ZONES),
    clocks=st.lists(st.sampled_from(ZONES), min_size=CUSTOMERS, max_size=CUSTOMERS),
    industries=st.lists(st.sampled_from(INDUSTRIES), min_size=CUSTOMERS, max_size=CUSTOMERS),
    gone=st.sets(whose, max_size=1),
    changes=st.lists(st.builds(Change, whose, long_ago, moves, terms, st.one_of(st.none(), hours)), max_size=12),
    payments=st.lists(
        st.builds(Payment, whose, hours, money, st.integers(100, 999), some, st.sampled_from(COUNTRIES), st.booleans()),
        max_size=6,
    ),
    packs=st.lists(st.builds(Pack, whose, hours, money, st.integers(100, 999), some), max_size=3),
    beyond=st.lists(st.builds(Beyond, whose, hours, st.integers(1, 9), some, st.booleans()), max_size=3),
    works=st.lists(
        st.builds(Work, whose, hours, st.sampled_from(MODELS), some, st.integers(0, 30_000_000)), max_size=8
    ),
    calls=st.lists(
        st.builds(Call, whose, hours, st.sampled_from([*ROADS, *CREWS]), st.tuples(some, some, some, some, some), some),
        max_size=5,
    ),
    strategies=st.lists(st.builds(Strategy, whose, hours, st.sampled_from(INDUSTRIES), st.booleans()), max_size=3),
    sign_ups=st.lists(hours, max_size=6),
)

A_MONTH: Final = ("USD", 3100, "month", 1)
BUSY: Final = Business(
    at=datetime(2044, 2, 29, 12, tzinfo=UTC),
    zone="America/New_York",
    clocks=["UTC", "Asia/Kolkata", "Pacific/Auckland", "America/New_York", "UTC", "UTC"],
    industries=["Food", "", "", "law ", "", ""],
    gone={2, 4},
    changes=[
        *(Change(0, 1500 - ago, how, A_MONTH, None) for ago, how in enumerate(["trialing", "active"])),
        Change(0, 679, "active", ("USD", 3200, "month", 1), None),  # As the month began, on the first of the days.
        Change(0, 6, "past_due", ("USD", 5000, "month", 1), None),
        Change(1, 1200, "active", ("INR", 999, "year", 1), None),
        Change(1, 5, "ended", A_MONTH, None),
        Change(2, 7000, "given", A_MONTH, 6990),
        Change(1, 4, "given", A_MONTH, 2),
        Change(2, 800, "active", ("USD", 700, "day", 30), None),
        Change(2, 4, "active", ("USD", 500, "day", 30), None),
        *(Change(3, 7, how, A_MONTH, None) for how in ("active", "ended", "trialing")),
        Change(4, 20, "given", A_MONTH, 10),
        Change(5, 5000, "active", ("INR", 800, "month", 1), None),
        Change(5, 4000, "ended", A_MONTH, None),
        Change(5, 2, "active", ("USD", 999, "month", 1), None),
    ],
    payments=[
        *(Payment(0, ago, "USD", 500 + ago, ago, "DE", True) for ago in range(0, 72, 6)),
        Payment(0, 3, "INR", 300, 0, "FR", False),
        Payment(0, 0, "USD", 100, 0, "", True),
        Payment(0, 80, "USD", 100, 0, "FR", True),
    ],
    packs=[
        Pack(0, 4, "USD", 900, 100),
        Pack(0, 4, "USD", 900, 100),
        Pack(1, 2, "INR", 400, 0),
        Pack(2, 300, "USD", 100, 0),
    ],
    beyond=[Beyond(0, 8, 7, 3, False), Beyond(0, 9, 5, 3, True)],
    works=[
        *(
            Work(number % CUSTOMERS, ago, MODELS[number % 2], 10 + number, 9_000_000 + number)
            for number, ago in enumerate([*range(0, 54, 3), 700, 730, 760, 800])
        ),
        *(Work(0, ago, "haiku", 7, 1_000_000) for ago in (5, 6, 7, 679)),
        Work(4, 5, "only of who pays nothing", 9, 2_000_000),
    ],
    calls=[
        *(Call(1, ago, kind, (1, 2, 4, 8, 16), 32) for ago, kind in enumerate([*ROADS, *reversed(CREWS), *ROADS])),
        Call(1, 7, "messages", (1, 1, 1, 1, 1), 1),  # At midnight, on the first of the days.
    ],
    strategies=[Strategy(1, 10, "Law", False), Strategy(1, 1, "Food", True), Strategy(0, 9, "Law", False)],
    sign_ups=[0, 12, 13, 24, 700],
)
"""Something of everything."""
HARD_DAYS: Final = [
    replace(BUSY, at=datetime(*day, tzinfo=UTC), zone=zone)
    for day, zone in [
        ((2044, 2, 29, 12), "America/New_York"),
        ((2043, 3, 1, 2), "America/New_York"),  # The 28th of February there.
        ((2044, 3, 14, 3), "America/New_York"),  # A day of 23 hours ended.
        ((2043, 11, 2, 3), "America/New_York"),  # One of 25 did, a day after the month began.
        ((2044, 9, 25, 14), "Pacific/Auckland"),
        ((2043, 12, 31, 18), "Asia/Kolkata"),  # Half an hour before the year ends there.
    ]
]
