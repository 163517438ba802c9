"""A catalogue file becomes plans, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from accounts.tests.factories import Person
from billing import catalogue, subscriptions
from billing.errors import InvalidCatalogue
from billing.models import Plan, PlanLimit, Price

Rows = list[dict[str, Any]]


def rows() -> tuple[Rows, Rows, Rows]:
    """All that a catalogue makes, without the ids of rows that are made anew."""
    prices = Price.objects.order_by("plan", "currency").values("plan", "currency", "amount", "interval")
    limits = PlanLimit.objects.order_by("plan", "meter").values("plan", "meter", "window", "limit", "overage_price")
    return list(Plan.objects.order_by("slug").values()), list(prices), list(limits)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def undone(database: None) -> Iterator[None]:
    """Other tests count on the catalogue as it is."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where catalogues lie."""
    monkeypatch.setattr(catalogue, "CATALOGUES", tmp_path)
    return tmp_path


def plan(slug: str = "only", **change: Any) -> dict[str, Any]:
    written = {"slug": slug, "name": slug.title(), "default": True, "price": 0, "limits": {"tokens/day": 10}}
    return {name: value for name, value in (written | change).items() if value is not ...}


def write(shelf: Path, *plans: object) -> None:
    (shelf / "ours.yaml").write_text(yaml.safe_dump({"plans": list(plans)}))


def test_the_default_catalogue_is_what_a_new_user_sees(database: None) -> None:
    catalogue.load("default")

    offered = Plan.objects.filter(is_offered=True)
    assert [(plan.slug, plan.prices.get().amount) for plan in offered] == [
        ("free", 0),
        ("starter", 2900),
        ("team", 7900),
        ("scale", 19900),
        ("enterprise", 59900),
    ]


def test_operations_beyond_a_paid_plan_are_billed(database: None) -> None:
    catalogue.load("default")

    operations = PlanLimit.objects.filter(meter="operations", plan__is_offered=True).order_by("plan__rank")
    assert [(row.limit, row.overage_price) for row in operations] == [
        (3, None),
        (100, 8),
        (500, 8),
        (2000, 8),
        (10000, 8),
    ]


def test_loading_twice_changes_nothing(database: None) -> None:
    catalogue.load("default")
    before = rows()

    catalogue.load("default")

    assert rows() == before


def test_a_plan_is_made_as_written(shelf: Path) -> None:
    limits = {"tokens/day": 10, "operations/month": {"limit": 3, "overage_price": 8}}
    write(shelf, plan(price=500, currency="INR", features=["One"], models=["claude-haiku-5-5"], limits=limits))

    [made] = catalogue.load("ours")

    assert (made.name, made.rank, made.features, made.allowed_models) == ("Only", 0, ["One"], ["claude-haiku-5-5"])
    assert list(made.prices.values_list("currency", "amount")) == [("INR", 500)]
    assert list(made.limits.values_list("meter", "window", "limit", "overage_price")) == [
        ("operations", "month", 3, 8),
        ("tokens", "day", 10, None),
    ]


def test_a_plan_that_is_no_longer_written_is_no_longer_offered(shelf: Path) -> None:
    write(shelf, plan())

    catalogue.load("ours")

    assert list(Plan.objects.filter(is_offered=True).values_list("slug", flat=True)) == ["only"]
    assert Plan.objects.get(slug="starter").is_default is False


def test_who_is_on_a_plan_stays_there_when_it_is_no_longer_offered(shelf: Path, alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "starter", at=alice.workspace.created_at)
    write(shelf, plan())

    catalogue.load("ours")

    assert subscriptions.current_plan(alice.workspace.id).slug == "starter"


def test_a_limit_that_is_no_longer_written_is_gone(shelf: Path) -> None:
    write(shelf, plan(limits={"tokens/day": 10, "requests/day": 5}))
    catalogue.load("ours")
    write(shelf, plan(limits={"tokens/day": 20}))

    [made] = catalogue.load("ours")

    assert list(made.limits.values_list("meter", "limit")) == [("tokens", 20)]


def test_a_new_price_replaces_the_old_one(shelf: Path) -> None:
    write(shelf, plan(price=500))
    catalogue.load("ours")
    write(shelf, plan(price=600, currency="EUR"))

    [made] = catalogue.load("ours")

    assert list(made.prices.values_list("currency", "amount")) == [("EUR", 600)]


REFUSED: dict[str, list[Any]] = {
    "no price": [plan(price=...)],
    "a negative price": [plan(price=-1)],
    "a price with cents": [plan(price=29.99)],
    "a price in words": [plan(price="free")],
    "a price that is yes": [plan(price=True)],
    "a price beyond bigint": [plan(price=10**19)],
    "no slug": [{"name": "Only", "default": True, "price": 0, "limits": {}}],
    "no name": [plan(name=...)],
    "no limits": [plan(limits=...)],
    "limits that are empty": [plan(limits=None)],
    "an unknown meter": [plan(limits={"smiles/day": 5})],
    "an unknown window": [plan(limits={"tokens/year": 5})],
    "no window": [plan(limits={"tokens": 5})],
    "a negative limit": [plan(limits={"tokens/day": -1})],
    "half a token": [plan(limits={"tokens/day": 0.5})],
    "a limit without its number": [plan(limits={"operations/month": {"overage_price": 8}})],
    "a negative overage price": [plan(limits={"operations/month": {"limit": 1, "overage_price": -8}})],
    "unknown terms": [plan(limits={"operations/month": {"limit": 1, "price": 8}})],
    "no default": [plan(default=False)],
    "two defaults": [plan("one"), plan("two")],
    "a plan twice": [plan("one"), plan("one", default=False)],
    "a currency too long": [plan(currency="DOLLARS")],
    "a plan that is only a word": ["free"],
    "no plans": [],
}


@pytest.mark.parametrize("plans", REFUSED.values(), ids=REFUSED)
def test_a_bad_catalogue_is_refused_and_nothing_changed(shelf: Path, plans: list[object]) -> None:
    before = rows()
    # The good one comes first: what it changed must be undone as well.
    write(shelf, plan("good", default=False, price=1), *plans)

    with pytest.raises(InvalidCatalogue):
        catalogue.load("ours")

    assert rows() == before


@pytest.mark.parametrize("text", ["", "plans:", "plans: 5", "[]", "plans: [", "{a: b}", "\t"])
def test_a_file_that_is_no_catalogue_is_refused(shelf: Path, text: str) -> None:
    (shelf / "ours.yaml").write_text(text)

    with pytest.raises(InvalidCatalogue):
        catalogue.load("ours")


@pytest.mark.parametrize("name", ["", "nowhere", "../models", "default.yaml"])
def test_an_unknown_catalogue_names_those_there_are(name: str) -> None:
    with pytest.raises(InvalidCatalogue, match=r"there are: .*default"):
        catalogue.load(name)


def test_the_command_says_what_it_loaded() -> None:
    said = StringIO()

    call_command("load_catalogue", "default", stdout=said)

    assert said.getvalue() == "default: free, starter, team, scale, enterprise\n"


def test_a_dry_run_changes_nothing(shelf: Path) -> None:
    before = rows()
    write(shelf, plan(price=500))

    with transaction.atomic():
        call_command("load_catalogue", "ours", dry_run=True, stdout=StringIO())

    assert rows() == before


def test_a_dry_run_says_what_is_wrong(shelf: Path) -> None:
    write(shelf, plan(price=-1))

    with pytest.raises(CommandError, match="the price of only"):
        call_command("load_catalogue", "ours", dry_run=True)


# What the database itself refuses


def test_two_default_plans_cannot_be() -> None:
    with pytest.raises(IntegrityError, match="one_default_plan"), transaction.atomic():
        Plan.objects.create(slug="second", name="Second", rank=9, is_default=True)


def test_a_negative_price_cannot_be() -> None:
    with pytest.raises(IntegrityError, match="price_not_negative"), transaction.atomic():
        Price.objects.create(plan_id="free", currency="EUR", amount=-1)


def test_two_prices_of_one_currency_cannot_be() -> None:
    with pytest.raises(IntegrityError, match="one_price_per_currency_and_interval"), transaction.atomic():
        Price.objects.create(plan_id="free", currency="USD", amount=1)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"limit": -1}, "limit_not_negative"),
        ({"limit": 1, "overage_price": -1}, "overage_price_not_negative"),
        ({"limit": 1, "window": "day"}, "one_limit_per_meter_and_window"),
    ],
)
def test_a_limit_that_makes_no_sense_cannot_be(change: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        PlanLimit.objects.create(**{"plan_id": "free", "meter": "tokens", "window": "month"} | change)
