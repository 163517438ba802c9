"""The catalogues have the numbers of the systems they come from, typed here from their descriptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.utils.timezone import now

from accounts.audit import SYSTEM
from billing import catalogue, catalogue_files
from billing.models import Plan


@dataclass(frozen=True)
class Row:
    """A line of a table of plans. `beyond` is what each operation beyond the plan costs.

    Passing what is `told` is told, and keeps nobody from anything.
    """

    slug: str
    name: str
    price: int
    currency: str = "USD"
    every: tuple[int, str] = (1, "month")
    limits: tuple[tuple[str, str, int], ...] = ()
    beyond: int | None = None
    told: tuple[tuple[str, str, int], ...] = ()
    a_minute: int | None = None


def month(meter: str, limit: int) -> tuple[str, str, int]:
    return (meter, "month", limit)


def day(meter: str, limit: int) -> tuple[str, str, int]:
    return (meter, "day", limit)


def daily(tokens: int, requests: int, messages: int, operations: int) -> tuple[tuple[str, str, int], ...]:
    return (
        day("messages", messages),
        month("operations", operations),
        day("requests", requests),
        day("tokens", tokens),
    )


TABLES = {
    "default": [
        Row("free", "Free", 0, limits=daily(10_000, 100, 50, 3), a_minute=20),
        Row("starter", "Starter", 29_00, limits=daily(100_000, 1_000, 500, 100), beyond=8, a_minute=60),
        Row("team", "Team", 79_00, limits=daily(300_000, 3_000, 1_500, 500), beyond=8, a_minute=120),
        Row(
            "scale",
            "Scale",
            199_00,
            limits=daily(1_000_000, 10_000, 5_000, 2_000),
            beyond=8,
            told=(day("cost", 10_000_000),),
            a_minute=600,
        ),
        Row(
            "enterprise",
            "Enterprise",
            599_00,
            limits=daily(3_000_000, 50_000, 25_000, 10_000),
            beyond=8,
            told=(day("cost", 30_000_000),),
            a_minute=1_200,
        ),
    ],
    "planvix": [
        Row("free", "Free", 0, "INR"),
        Row("pro", "Pro", 299_00, "INR"),
        Row("enterprise", "Enterprise", 999_00, "INR"),
    ],
    "pm33": [
        Row("starter", "Starter", 29_00, limits=(month("operations", 100),), beyond=8),
        Row("team", "Team", 79_00, limits=(month("operations", 500),), beyond=8),
        Row("scale", "Scale", 199_00, limits=(month("operations", 2_000),), beyond=8),
        Row("enterprise", "Enterprise", 599_00, limits=(month("operations", 10_000),), beyond=8),
    ],
    "knockxprime": [
        Row("baby-free", "Baby Free", 0, limits=(day("requests", 10), day("tokens", 1_000))),
        Row("leveler", "Leveler", 4_00, limits=(day("requests", 100), day("tokens", 5_000))),
        Row("log-min", "Log Min", 10_00, limits=(day("requests", 500), day("tokens", 20_000))),
        Row("high-max", "High Max", 100_00, limits=(day("requests", 2_000), day("tokens", 100_000))),
    ],
    "creator": [Row("free", "Free", 0, limits=(day("messages", 50),), told=(day("cost", 50_000_000),))],
    "tokens": [
        Row("basic", "Basic", 0, "INR", limits=(("tokens", "period", 1_000),)),
        Row("standard", "Standard", 2900, "INR", (30, "day"), limits=(("tokens", "period", 10_000),)),
        Row("premium", "Premium", 9900, "INR", (30, "day"), limits=(("tokens", "period", 50_000),)),
    ],
}

DEFAULT_PLANS = {
    "default": "free",
    "planvix": "free",
    "pm33": "no-plan",
    "knockxprime": "baby-free",
    "creator": "free",
    "tokens": "basic",
}

PM33_FEATURES = {
    "starter": ["Basic analysis", "Email support"],
    "team": ["Advanced analysis", "Priority support"],
    "scale": ["Full suite", "API access", "Dedicated support"],
    "enterprise": ["Custom integrations", "24/7 support"],
}


@dataclass(frozen=True)
class Sold:
    """What stands in the rows once a catalogue is loaded."""

    table: list[Row]
    default: Plan
    default_limits: set[int]
    features: dict[str, list[str]]


@pytest.fixture(scope="module")
def sold(database: None) -> Iterator[dict[str, Sold]]:
    """Every catalogue, loaded one after the other, and all of it undone."""
    with transaction.atomic():
        yield {name: _sold(name) for name in TABLES}
        transaction.set_rollback(True)


def _sold(name: str) -> Sold:
    catalogue.load(name, by=SYSTEM, at=now())
    offered = list(Plan.objects.filter(is_offered=True))
    default = Plan.objects.get(is_default=True)
    limits = set(default.limits.values_list("limit", flat=True))
    return Sold([_row(plan) for plan in offered], default, limits, {plan.slug: plan.features for plan in offered})


def _row(plan: Plan) -> Row:
    price = plan.prices.current().get()
    limits = tuple(plan.limits.filter(soft=False).values_list("meter", "window", "limit"))
    told = tuple(plan.limits.filter(soft=True).values_list("meter", "window", "limit"))
    beyond = {limit.meter: limit.overage_price for limit in plan.limits.exclude(overage_price=None)}
    assert set(beyond) <= {"operations"}
    every = (price.interval_count, price.interval)
    costs = (price.amount, price.currency, every)
    return Row(plan.slug, plan.name, *costs, limits, beyond.get("operations"), told, plan.requests_per_minute)


def test_no_catalogue_is_left_out() -> None:
    assert sorted(TABLES) == catalogue_files.names()


@pytest.mark.parametrize("name", TABLES)
def test_a_catalogue_has_the_numbers_of_its_description(sold: dict[str, Sold], name: str) -> None:
    assert sold[name].table == TABLES[name]


@pytest.mark.parametrize("name", TABLES)
def test_who_has_not_subscribed_is_on_its_default_plan(sold: dict[str, Sold], name: str) -> None:
    assert sold[name].default.slug == DEFAULT_PLANS[name]


def test_pm33_gives_nothing_to_who_has_not_subscribed(sold: dict[str, Sold]) -> None:
    assert sold["pm33"].default.is_offered is False
    assert sold["pm33"].default_limits == {0}


def test_pm33_has_the_features_of_its_description(sold: dict[str, Sold]) -> None:
    assert sold["pm33"].features == PM33_FEATURES
