"""The described systems' own tables: whoever is on one of their plans runs into each limit at exactly its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants.tests.roads import CHAT, CONVERSATION, journey
from billing import catalogue_files, subscriptions
from billing.models import Overage, Plan, PlanLimit
from config.tests.product import Product
from conftest import Run
from quotas.errors import QuotaExceeded
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, spend


@dataclass(frozen=True)
class Row:
    """One number of a document."""

    catalogue: str
    plan: str
    meter: str
    window: str
    limit: int

    def __str__(self) -> str:
        return f"{self.catalogue} {self.plan} {self.meter} a {self.window}"


ROWS = [
    Row("knockxprime", "baby-free", "tokens", "day", 1_000),
    Row("knockxprime", "baby-free", "requests", "day", 10),
    Row("knockxprime", "leveler", "tokens", "day", 5_000),
    Row("knockxprime", "leveler", "requests", "day", 100),
    Row("knockxprime", "log-min", "tokens", "day", 20_000),
    Row("knockxprime", "log-min", "requests", "day", 500),
    Row("knockxprime", "high-max", "tokens", "day", 100_000),
    Row("knockxprime", "high-max", "requests", "day", 2_000),
    Row("creator", "free", "messages", "day", 50),
    Row("tokens", "basic", "tokens", "period", 1_000),
    Row("tokens", "standard", "tokens", "period", 10_000),
    Row("tokens", "premium", "tokens", "period", 50_000),
]
BILLED = [
    Row("pm33", "starter", "operations", "month", 100),
    Row("pm33", "team", "operations", "month", 500),
    Row("pm33", "scale", "operations", "month", 2_000),
    Row("pm33", "enterprise", "operations", "month", 10_000),
]


def put_on(person: Person, row: Row) -> None:
    """On the catalogue's plan, as its file has it, under a name that is free here."""
    terms = next(plan for plan in catalogue_files.read(row.catalogue).plans if plan.slug == row.plan)
    slug = f"{row.catalogue}-{row.plan}-{uuid4().hex[:6]}"
    plan = Plan.objects.create(slug=slug, name=terms.name, rank=400, is_offered=False)
    for policy, limit in terms.limits.items():
        meter, window = policy.split("/")
        price = limit.overage_price
        amounts = {"limit": limit.limit, "overage_price": price, "soft": limit.soft, "rolls_over": limit.rolls_over}
        PlanLimit.objects.create(plan=plan, meter=meter, window=window, **amounts)
    subscriptions.put_on_plan(person.workspace, slug, at=now())


def say(product: Product, person: Person, row: Row) -> Any:
    road = CONVERSATION if row.meter == "messages" else CHAT
    trip = journey(product, road, person, "tokens=2000", max_tokens=2000, stream=False)
    return product.http.post(trip.path, content=trip.body, headers=trip.headers)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_limit_holds_at_its_number(product: Product, run: Run[Any], alice: Person, row: Row) -> None:
    put_on(alice, row)
    spend(run, alice, row.limit - (800 if row.meter == "tokens" else 1), row.meter)

    last, refused = say(product, alice, row), say(product, alice, row)

    counted = bucket(alice, row.meter)
    assert (last.is_success, refused.status_code) == (True, 429)
    assert (counted.used, counted.window) == (row.limit, row.window)
    assert f"allows {row.limit:,} {row.meter} a {row.window}: {row.limit:,} are used" in refused.text


@pytest.mark.parametrize("row", BILLED, ids=str)
def test_beyond_it_each_costs_eight_cents(run: Run[Any], alice: Person, row: Row) -> None:
    put_on(alice, row)
    spend(run, alice, row.limit, "operations")
    assert not Overage.objects.filter(workspace=alice.workspace).exists()

    spend(run, alice, 1, "operations")

    noted = Overage.objects.get(workspace=alice.workspace)
    assert (noted.units, noted.unit_price) == (1, 8)


def test_without_a_plan_nothing_of_pm33_s_is_to_be_had(run: Run[Any], alice: Person) -> None:
    put_on(alice, Row("pm33", "no-plan", "operations", "month", 0))

    with pytest.raises(QuotaExceeded, match="allows 0 operations a month"):
        spend(run, alice, 1, "operations")


def test_fifty_dollars_a_day_of_creator_s_are_told_and_refuse_nobody(run: Run[Any], alice: Person) -> None:
    put_on(alice, Row("creator", "free", "cost", "day", 50_000_000))

    spend(run, alice, 50_000_000, "cost")
    spend(run, alice, 1, "cost")

    told = bucket(alice, "cost").notices.values_list("percent", flat=True)
    assert sorted(told) == [80, 100]


@pytest.mark.parametrize("plan", ["free", "pro", "enterprise"])
def test_planvix_limits_nothing(product: Product, alice: Person, plan: str) -> None:
    row = Row("planvix", plan, "tokens", "day", 0)
    put_on(alice, row)

    assert say(product, alice, row).status_code == 200
