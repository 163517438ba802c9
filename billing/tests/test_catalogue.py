"""What is sold becomes what a catalogue says: once, whole, and by versions of its prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.models import AuditEntry
from accounts.tests.factories import Person
from billing import catalogue, catalogue_files, subscriptions
from billing.errors import InvalidCatalogue
from billing.models import CreditPack, PackPurchase, Plan, PlanLimit, Price, Subscription

Rows = list[dict[str, Any]]
Packs = Sequence[dict[str, Any]]


def rows() -> tuple[Rows, ...]:
    """All that a catalogue makes."""
    return (
        list(Plan.objects.order_by("slug").values()),  # type: ignore[arg-type]
        list(Price.objects.order_by("pk").values()),  # type: ignore[arg-type]
        list(PlanLimit.objects.order_by("pk").values()),  # type: ignore[arg-type]
        list(CreditPack.objects.order_by("pk").values()),  # type: ignore[arg-type]
    )


@pytest.fixture(autouse=True)
def undone(database: None) -> Iterator[None]:
    """Other tests count on the catalogue as it is."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where catalogues lie."""
    monkeypatch.setattr(catalogue_files, "CATALOGUES", tmp_path)
    return tmp_path


def plan(slug: str = "only", **change: Any) -> dict[str, Any]:
    return {"slug": slug, "name": slug.title(), "default": True, "price": 0, "limits": {"tokens/day": 10}} | change


def load(shelf: Path, *plans: dict[str, Any], packs: Packs = ()) -> list[Any]:
    write(shelf, *plans, packs=packs)
    return catalogue.load("ours", by=SYSTEM, at=now())


def write(shelf: Path, *plans: dict[str, Any], packs: Packs = ()) -> None:
    said = {"currency": "USD", "plans": list(plans), "packs": list(packs)}
    (shelf / "ours.yaml").write_text(yaml.safe_dump(said))


def pack(slug: str = "some", **change: Any) -> dict[str, Any]:
    return {"slug": slug, "name": slug.title(), "meter": "tokens", "amount": 1000, "price": 500} | change


def only() -> Plan:
    return Plan.objects.get(slug="only")


def prices_of(slug: str) -> list[tuple[Any, ...]]:
    """The newest first."""
    found = Price.objects.filter(plan=slug).order_by("-pk")
    return list(found.values_list("amount", "currency", "version", "is_current"))


def loaded(name: str, **options: Any) -> str:
    """What the command says."""
    said = StringIO()
    call_command("load_catalogue", name, stdout=said, **options)
    return said.getvalue()


def test_loading_twice_changes_nothing(shelf: Path) -> None:
    limits = {"tokens/day": 10, "cost/day": {"limit": 3, "soft": True}}
    load(shelf, plan(price=500, features=["One"], limits=limits), packs=[pack(lasts="9 days")])
    before = rows()

    assert catalogue.load("ours", by=SYSTEM, at=now()) == []
    assert rows() == before


def test_a_plan_is_made_as_written(shelf: Path) -> None:
    limits = {"tokens/day": 10, "operations/month": {"limit": 3, "overage_price": 8}}
    more: dict[str, Any] = {
        "features": ["One"],
        "models": ["claude-haiku-5-5"],
        "trial_days": 14,
        "description": "All there is.",
    }

    load(shelf, plan(price=500, currency="INR", every="30 days", limits=limits, **more))

    made = only()
    assert (made.name, made.description, made.rank, made.trial_days) == ("Only", "All there is.", 0, 14)
    assert (made.features, made.allowed_models) == (["One"], ["claude-haiku-5-5"])
    assert (made.is_default, made.is_offered) == (True, True)
    price = made.prices.get()
    assert (price.amount, price.currency, price.interval, price.interval_count) == (500, "INR", "day", 30)
    assert list(made.limits.values_list("meter", "window", "limit", "overage_price")) == [
        ("operations", "month", 3, 8),
        ("tokens", "day", 10, None),
    ]


def test_a_limit_is_made_of_the_kind_that_is_written(shelf: Path) -> None:
    limits = {"cost/day": {"limit": 50, "soft": True}, "tokens/period": {"limit": 10, "rolls_over": 4}}

    load(shelf, plan(limits=limits, requests_per_minute=60, active_projects=3))

    assert (only().requests_per_minute, only().active_projects) == (60, 3)
    assert list(only().limits.values_list("meter", "window", "limit", "soft", "rolls_over")) == [
        ("cost", "day", 50, True, None),
        ("tokens", "period", 10, False, 4),
    ]
    assert [limit.policy for limit in only().limits.all()] == ["soft", "hard"]


def test_a_pack_is_made_as_written_and_one_that_is_not_written_is_no_longer_offered(shelf: Path) -> None:
    load(shelf, plan(), packs=[pack("other"), pack(currency="EUR", lasts="90 days")])

    [told] = load(shelf, plan(), packs=[pack("other")])

    assert (str(told), [str(change) for change in told.changes]) == ("pack some", ["offered: yes -> no"])
    some = CreditPack.objects.get(slug="some")
    assert (some.amount, some.price, some.currency, some.lasts_days) == (1000, 500, "EUR", 90)
    assert list(CreditPack.objects.filter(is_offered=True)) == [CreditPack.objects.get(slug="other")]


def test_another_price_of_a_pack_leaves_what_was_bought(shelf: Path, alice: Person) -> None:
    load(shelf, plan(), packs=[pack()])
    terms = {"meter": "tokens", "amount": 1000, "price": 500, "currency": "USD", "created_at": now()}
    bought = PackPurchase.objects.create(workspace=alice.workspace, pack_id="some", gateway="demo", **terms)

    [told] = load(shelf, plan(), packs=[pack(price=900, amount=2000, lasts="30 days")])

    assert [str(change) for change in told.changes] == [
        "pack: 1,000 tokens for $5.00, for ever -> 2,000 tokens for $9.00, for 30 days"
    ]
    assert told.changes[0].reach == "what was bought stays as it was bought"
    bought.refresh_from_db()
    assert (bought.amount, bought.price, bought.lasts_days) == (1000, 500, None)


def test_a_plan_may_be_there_without_being_offered(shelf: Path) -> None:
    load(shelf, plan(offered=False))

    assert (only().is_default, only().is_offered) == (True, False)


def test_a_plan_that_is_no_longer_written_is_no_longer_offered(shelf: Path) -> None:
    load(shelf, plan())

    assert list(Plan.objects.filter(is_offered=True).values_list("slug", flat=True)) == ["only"]
    assert list(Plan.objects.filter(is_default=True).values_list("slug", flat=True)) == ["only"]


def test_who_is_on_a_plan_stays_there_when_it_is_no_longer_offered(shelf: Path, alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "starter", at=alice.workspace.created_at)

    load(shelf, plan())

    assert subscriptions.current_plan(alice.workspace.id).slug == "starter"


def test_a_limit_that_is_no_longer_written_is_gone(shelf: Path) -> None:
    load(shelf, plan(limits={"tokens/day": 10, "requests/day": 5}))

    load(shelf, plan(limits={"tokens/day": 20}))

    assert list(only().limits.values_list("meter", "limit")) == [("tokens", 20)]


def test_another_limit_leaves_the_price_as_it_is(shelf: Path) -> None:
    load(shelf, plan(price=500))

    load(shelf, plan(price=500, name="Another", limits={"tokens/day": 20}))

    assert prices_of("only") == [(500, "USD", 1, True)]


@pytest.mark.parametrize("change", [{"price": 600}, {"currency": "EUR"}, {"price": 600, "currency": "EUR"}])
def test_another_amount_or_currency_is_a_new_version(shelf: Path, change: dict[str, Any]) -> None:
    load(shelf, plan(price=500, currency="USD"))

    load(shelf, plan() | {"price": 500, "currency": "USD"} | change)

    new = (change.get("price", 500), change.get("currency", "USD"))
    assert prices_of("only") == [(*new, 2, True), (500, "USD", 1, False)]


def test_an_amount_of_old_is_a_new_version_too(shelf: Path) -> None:
    for amount in (500, 600, 500):
        load(shelf, plan(price=amount))

    assert prices_of("only") == [(500, "USD", 3, True), (600, "USD", 2, False), (500, "USD", 1, False)]


def test_paid_at_another_interval_the_former_price_is_no_longer_offered(shelf: Path) -> None:
    load(shelf, plan(price=500))

    load(shelf, plan(price=500, every="30 days"))

    assert [price.lookup_key for price in only().prices.current()] == ["only_30day_v1"]


def test_who_subscribed_keeps_the_price_of_that_day(shelf: Path, alice: Person) -> None:
    load(shelf, plan("free"), plan(default=False, price=500))
    subscription = subscribed(alice, "only")

    load(shelf, plan("free"), plan(default=False, price=900))

    subscription.refresh_from_db()
    assert subscription.price is not None
    assert (subscription.price.amount, subscription.price.is_current) == (500, False)


def subscribed(person: Person, slug: str) -> Subscription:
    price = Price.objects.current().get(plan=slug)
    return Subscription.objects.create(workspace=person.workspace, plan_id=slug, price=price)


def test_what_is_wrong_at_its_end_leaves_all_of_it_undone(shelf: Path) -> None:
    before = rows()

    with pytest.raises(InvalidCatalogue):
        load(shelf, plan("good", price=1), plan("bad", default=False, price=-1))

    assert rows() == before


def test_what_changes_is_told_with_how_many_it_touches(shelf: Path, alice: Person, charlie: Person) -> None:
    load(shelf, plan("free"), plan(default=False, price=500, limits={"tokens/day": 10, "messages/day": 5}))
    subscribed(alice, "only")
    nobody = Subscription.objects.create(workspace=charlie.workspace, plan_id="only", status="canceled")

    limits = {"tokens/day": {"limit": 1000, "overage_price": 2}}
    [told] = load(shelf, plan("free"), plan(default=False, price=900, limits=limits))

    assert nobody.plan_id == told.slug == "only"
    assert (told.subscriptions, told.workspaces) == (1, 0)
    assert [str(change) for change in told.changes] == [
        "price: $5.00 every month -> $9.00 every month",
        "tokens/day: 10 -> 1,000, then $0.02 each",
        "messages/day: 5 -> no limit",
    ]


def test_the_default_plan_touches_whoever_has_no_subscription(shelf: Path, alice: Person, charlie: Person) -> None:
    load(shelf, plan("free"), plan(default=False))
    [before] = previewed(shelf, plan("free", price=1), plan(default=False))
    subscribed(alice, "only")
    late = subscribed(charlie, "only")
    Subscription.objects.filter(pk=late.pk).update(entitled_until=now() - timedelta(minutes=1))

    [after] = previewed(shelf, plan("free", price=1), plan(default=False))

    assert (before.slug, before.subscriptions, after.subscriptions) == ("free", 0, 0)
    assert before.workspaces - after.workspaces == 1


def previewed(shelf: Path, *plans: dict[str, Any]) -> list[Any]:
    write(shelf, *plans)
    return [*catalogue.preview(catalogue.in_file("ours"), at=now())]


def test_every_part_of_a_plan_is_looked_at(shelf: Path) -> None:
    load(shelf, plan("other"), plan(default=False))

    [other, told] = load(
        shelf,
        plan(
            name="Another",
            description="New.",
            features=["One", "Two"],
            models=["claude-haiku-5-5"],
            trial_days=7,
            offered=False,
            every="year",
            requests_per_minute=60,
            limits={"tokens/day": {"limit": 10, "soft": True}, "tokens/month": {"limit": 10, "rolls_over": 1000}},
        ),
        plan("other", default=False),
    )[::-1]

    assert [str(change) for change in other.changes] == ["default: yes -> no", "rank: 0 -> 1"]
    assert [str(change) for change in told.changes] == [
        "price: $0.00 every month -> $0.00 every year",
        "tokens/day: 10 -> 10, then it is told",
        "tokens/month: no limit -> 10, of the rest up to 1,000 roll over",
        "requests a minute: as many as there are -> 60",
        "models: every model -> claude-haiku-5-5",
        "trial: 0 days -> 7 days",
        "default: no -> yes",
        "offered: yes -> no",
        "name: Only -> Another",
        "description: none -> New.",
        "features: none -> One, Two",
        "rank: 1 -> 0",
    ]


def test_many_at_once_make_one_plan_with_one_price(database: None) -> None:
    terms = replace(catalogue.sold()["team"], slug=f"plan-{uuid4().hex[:8]}", is_offered=False)

    def sell(_: int) -> None:
        try:
            catalogue.sell([terms])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(sell, range(8)))

    assert prices_of(terms.slug) == [(7900, "USD", 1, True)]


# What clients see of it


def seen(path: str = "") -> tuple[Any, int]:
    """The answer, and how many queries it took."""
    with CaptureQueriesContext(connection) as asked:
        answer = Client().get(f"/api/v1/billing/plans{path}")
    return answer.json(), len(asked)


def test_clients_see_only_what_is_paid_now(shelf: Path) -> None:
    load(shelf, plan(price=500))
    load(shelf, plan(price=600, every="30 days"))

    answer, _ = seen("/only")

    assert answer["prices"] == [{"currency": "USD", "amount": 600, "interval": "day", "interval_count": 30}]


def test_many_plans_with_a_past_are_shown_by_as_few_queries_as_one(shelf: Path) -> None:
    load(shelf, plan())
    _, queries = seen()
    for price in range(3):
        load(shelf, plan(), *(plan(f"plan-{number}", default=False, price=price) for number in range(20)))

    answer, of_many = seen()

    assert len(answer) == 21
    assert of_many == queries == 3


# The command


def test_the_command_says_what_it_changed_and_then_that_there_is_nothing(shelf: Path, alice: Person) -> None:
    load(shelf, plan("free"), plan(default=False, price=500))
    subscribed(alice, "only")
    new = plan("new", default=False, price=100)
    write(shelf, plan("free"), plan(default=False, price=900), new, packs=[pack()])

    assert loaded("ours") == (
        "only, 1 subscription:\n"
        "  price: $5.00 every month -> $9.00 every month (who has subscribed keeps the former price)\n"
        "new, 0 subscriptions:\n"
        "  new plan: New, $1.00 every month; tokens/day 10\n"
        "pack some:\n"
        "  new pack: Some, 1,000 tokens for $5.00, for ever\n"
    )
    assert loaded("ours") == "ours: nothing to change.\n"


def test_a_dry_run_says_the_same_and_changes_nothing(shelf: Path) -> None:
    write(shelf, plan(price=500))
    before = rows()

    said = loaded("ours", dry_run=True)

    assert rows() == before
    assert said == loaded("ours")


def test_what_was_loaded_stands_in_the_audit_log_once(shelf: Path) -> None:
    for _ in range(2):
        load(shelf, plan(price=500))

    line = AuditEntry.objects.filter(action="catalogue.loaded", subject="plan:only").get()
    assert line.after["catalogue"] == "ours"
    assert "only: new plan: Only, $5.00 every month; tokens/day 10" in line.after["changes"]


def test_what_staff_changed_outlives_a_start_but_not_another_file(shelf: Path) -> None:
    load(shelf, plan(price=500))
    catalogue.sell([replace(catalogue.sold()["only"], name="By staff")])

    assert loaded("ours", unless_loaded=True) == "ours: loaded before; what was changed since stays.\n"
    assert only().name == "By staff"

    write(shelf, plan(price=600))
    assert "price: $5.00 every month -> $6.00 every month" in loaded("ours", unless_loaded=True)
    assert only().name == "Only"


def test_a_file_that_was_loaded_before_another_one_is_loaded_again(shelf: Path) -> None:
    load(shelf, plan(price=500))
    (shelf / "theirs.yaml").write_text((shelf / "ours.yaml").read_text().replace("Only", "Other"))
    loaded("theirs")

    loaded("ours", unless_loaded=True)

    assert only().name == "Only"


def test_loading_by_hand_undoes_what_staff_changed(shelf: Path) -> None:
    load(shelf, plan(price=500))
    catalogue.sell([replace(catalogue.sold()["only"], name="By staff")])

    loaded("ours")

    assert only().name == "Only"


def test_the_command_says_what_is_wrong(shelf: Path) -> None:
    write(shelf, plan(price=-1))

    with pytest.raises(CommandError, match=r"ours\.yaml, line \d+: price must be"):
        call_command("load_catalogue", "ours", dry_run=True)


# What the database itself refuses


def test_two_default_plans_cannot_be() -> None:
    with pytest.raises(IntegrityError, match="one_default_plan"), transaction.atomic():
        Plan.objects.create(slug="second", name="Second", rank=9, is_default=True)


def test_a_negative_price_cannot_be() -> None:
    with pytest.raises(IntegrityError, match="price_not_negative"), transaction.atomic():
        Price.objects.create(plan_id="free", currency="EUR", amount=-1)


@pytest.mark.parametrize(
    ("version", "constraint"), [(1, "one_price_per_version"), (99, "one_current_price_per_interval")]
)
def test_two_prices_to_choose_from_cannot_be(version: int, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Price.objects.create(plan_id="free", currency="USD", amount=1, version=version, is_current=version > 1)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"limit": -1}, "limit_not_negative"),
        ({"limit": 1, "overage_price": -1}, "overage_price_not_negative"),
        ({"limit": 1, "window": "day"}, "one_limit_per_meter_and_window"),
        ({"limit": 1, "rolls_over": -1}, "rolls_over_not_negative"),
        ({"limit": 1, "soft": True, "overage_price": 1}, "soft_or_billed_beyond"),
    ],
)
def test_a_limit_that_makes_no_sense_cannot_be(change: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        PlanLimit.objects.create(**{"plan_id": "free", "meter": "tokens", "window": "month"} | change)
