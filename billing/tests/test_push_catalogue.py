"""The catalogue at the gateway: what is offered and paid for, and each of it once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from billing import catalogue, pushing
from billing.errors import GatewayUnavailable
from billing.gateways.demo import DemoGateway
from billing.models import Plan, Price, Simulated
from billing.terms import LimitTerms, PriceTerms

PAID = ["starter", "team", "scale", "enterprise"]


@pytest.fixture(autouse=True)
def undone(database: None) -> Iterator[None]:
    """Other tests count on prices that were never pushed."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def kept(kind: str) -> list[str]:
    """What the simulated Stripe has of this kind."""
    return list(Simulated.objects.filter(kind=kind).order_by("created_at").values_list("pk", flat=True))


def pushed() -> list[str]:
    return list(pushing.push(DemoGateway()))


def test_what_is_offered_and_paid_for_is_pushed() -> None:
    said = pushed()

    assert kept("product") == [f"demo_plan_{slug}" for slug in PAID]
    assert kept("price") == [f"demo_price_{slug}_month_v1" for slug in PAID]
    assert kept("billing.meter") == ["demo_mtr_operations_8"]
    assert said[:3] == ["product plan_starter", "price starter_month_v1", "product plan_team"]
    assert said[-1] == "meter operations at 8 each"


def test_a_price_remembers_its_id_at_the_gateway() -> None:
    pushed()

    found = Price.objects.filter(plan__in=["free", *PAID]).order_by("plan__rank").values_list("plan", "stripe_id")
    assert list(found) == [("free", ""), *((slug, f"demo_price_{slug}_month_v1") for slug in PAID)]


def test_pushing_twice_changes_nothing_and_says_so() -> None:
    pushed()
    before = list(Simulated.objects.order_by("pk").values()), list(Price.objects.order_by("pk").values())

    assert pushed() == []
    assert (list(Simulated.objects.order_by("pk").values()), list(Price.objects.order_by("pk").values())) == before


def test_a_new_version_is_pushed_and_the_former_one_stays() -> None:
    pushed()
    terms = catalogue.sold()["team"]
    catalogue.sell([replace(terms, price=PriceTerms(9900, "USD"))])

    assert pushed() == ["price team_month_v2"]
    assert Simulated.objects.get(pk="demo_price_team_month_v2").data["unit_amount"] == 9900
    assert list(Price.objects.filter(plan="team").order_by("version").values_list("stripe_id", flat=True)) == [
        "demo_price_team_month_v1",
        "demo_price_team_month_v2",
    ]


def test_a_new_name_is_pushed_to_the_product() -> None:
    pushed()
    Plan.objects.filter(pk="team").update(name="Crew")

    assert pushed() == ["product plan_team"]
    assert Simulated.objects.get(pk="demo_plan_team").data["name"] == "Crew"


def test_what_is_not_offered_is_not_pushed() -> None:
    limits = {"operations/month": LimitTerms(100, 3)}
    catalogue.sell([replace(catalogue.sold()["team"], slug="secret", is_offered=False, limits=limits)])

    pushed()

    assert "demo_plan_secret" not in kept("product")
    assert kept("billing.meter") == ["demo_mtr_operations_8"]


def test_overage_at_another_price_is_another_one_at_the_gateway() -> None:
    terms = catalogue.sold()["scale"]
    catalogue.sell([replace(terms, limits={"operations/month": LimitTerms(2000, 5)})])

    pushed()

    assert kept("billing.meter") == ["demo_mtr_operations_5", "demo_mtr_operations_8"]


class Leaving(DemoGateway):
    """Away after so many prices."""

    def __init__(self, *, prices: int) -> None:
        super().__init__()
        self.left = prices

    def push_price(self, price: Price) -> str:
        if self.left == 0:
            raise GatewayUnavailable
        self.left -= 1
        return super().push_price(price)


def test_what_was_pushed_before_it_failed_stays_and_is_not_pushed_again() -> None:
    with pytest.raises(GatewayUnavailable):
        list(pushing.push(Leaving(prices=2)))

    assert kept("price") == ["demo_price_starter_month_v1", "demo_price_team_month_v1"]
    assert Price.objects.get(plan="team").stripe_id == "demo_price_team_month_v1"
    assert pushed()[0] == "price scale_month_v1"


def test_the_command_says_what_it_pushed_and_then_that_there_is_nothing() -> None:
    first, second = StringIO(), StringIO()

    call_command("push_catalogue", stdout=first)
    call_command("push_catalogue", stdout=second)

    assert first.getvalue().startswith("demo: product plan_starter\ndemo: price starter_month_v1\n")
    assert second.getvalue() == "demo: nothing to push.\n"


def test_the_command_says_why_it_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.gateways.gateway", lambda: Leaving(prices=1))

    with pytest.raises(CommandError, match="cannot be reached"):
        call_command("push_catalogue", stdout=StringIO())
