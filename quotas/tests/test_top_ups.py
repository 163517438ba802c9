"""Packs bought by themselves when little is left: once, within a bound, and not with a card that does not pay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.models import Letter
from accounts.tests.factories import Person
from billing import packs
from billing.errors import GatewayRejected, GatewayUnavailable
from billing.gateways import PackOrder
from billing.gateways.demo import DemoGateway
from billing.gateways.demo.books import Object
from billing.models import CreditPack, PackPurchase, Simulated
from billing.tests.demo import FAILS_LATER, GOOD, Buyer
from config.tests.product import Product
from conftest import Run
from quotas import metering, top_ups
from quotas.metering import Ask
from quotas.models import Basis, Grant, TopUp
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import request_id
from quotas.tests.plans import put_on_plan

PATH = "/api/v1/quotas/top-ups/operations"


@pytest.fixture
def buyer(alice: Person) -> Buyer:
    """10 operations a month, and a pack of 50 whenever fewer than 5 are left."""
    put_on_plan(alice, operations_month=10)
    buyer = Buyer(alice, now())
    buyer.gateway.add_card(buyer.id, GOOD, authenticated=True)
    pack = packs.named("operations-50")
    TopUp.objects.create(
        workspace=alice.workspace, meter="operations", below=5, pack=pack, a_month=2, created_at=buyer.at
    )
    return buyer


@pytest.fixture(autouse=True)
def _alone(database: None) -> Any:
    """Nobody else's is topped up here, nor hers elsewhere."""
    TopUp.objects.all().delete()
    yield
    TopUp.objects.all().delete()


def operate(run: Run[Any], buyer: Buyer, times: int) -> None:
    asks = {"operations": Ask.exactly(times)}
    admission = run(metering.reserve(buyer.person.caller, asks, request_id=request_id(), at=now()))
    run(metering.settle(admission.reservation_id, {"operations": times}, basis=Basis.REPORTED))


def bought(buyer: Buyer) -> list[str]:
    found = PackPurchase.objects.filter(workspace=buyer.person.workspace).order_by("created_at")
    return list(found.values_list("state", flat=True))


def top_up(buyer: Buyer, gateway: DemoGateway | None = None) -> int:
    return top_ups.top_up_all(gateway or buyer.gateway, at=now())


def test_while_enough_is_left_nothing_is_bought(run: Run[Any], buyer: Buyer) -> None:
    operate(run, buyer, 5)

    assert (top_up(buyer), bought(buyer)) == (0, [])


def test_below_it_a_pack_is_bought_and_is_credit_at_once(run: Run[Any], buyer: Buyer) -> None:
    operate(run, buyer, 6)

    assert (top_up(buyer), bought(buyer)) == (1, ["paid"])
    operate(run, buyer, 54)
    assert Grant.objects.get(workspace=buyer.person.workspace).bucket.used == 50


def test_that_is_enough(run: Run[Any], buyer: Buyer) -> None:
    operate(run, buyer, 6)
    top_up(buyer)

    assert (top_up(buyer), bought(buyer)) == (0, ["paid"])


def test_two_beats_at_once_buy_one(run: Run[Any], buyer: Buyer) -> None:
    operate(run, buyer, 6)

    def beat(_: int) -> None:
        top_up(buyer)
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(beat, range(4)))

    assert bought(buyer) == ["paid"]


def test_there_is_a_bound_a_month(run: Run[Any], buyer: Buyer) -> None:
    for times in (6, 54, 48):
        operate(run, buyer, times)
        top_up(buyer)

    assert bought(buyer) == ["paid", "paid"]


def test_a_card_that_does_not_pay_is_tried_once_and_told_of(run: Run[Any], buyer: Buyer) -> None:
    buyer.gateway.add_card(buyer.id, FAILS_LATER, authenticated=True)
    operate(run, buyer, 6)

    top_up(buyer)
    top_up(buyer)

    assert bought(buyer) == ["failed"]
    assert Letter.objects.filter(kind="top_up_paused", to=buyer.person.workspace.email).count() == 1


class Away(DemoGateway):
    def charge(self, order: PackOrder, card_id: str) -> Object:
        raise GatewayUnavailable


def test_while_the_gateway_is_away_it_waits_and_goes_on_with_the_same(run: Run[Any], buyer: Buyer) -> None:
    operate(run, buyer, 6)
    top_up(buyer, Away(clock=lambda: buyer.at))
    assert bought(buyer) == ["open"]

    top_up(buyer)

    assert bought(buyer) == ["paid"]


def test_what_waits_is_paid_as_it_was_begun_whatever_is_set_meanwhile(run: Run[Any], buyer: Buyer) -> None:
    operate(run, buyer, 6)
    top_up(buyer, Away(clock=lambda: buyer.at))
    dearer = CreditPack.objects.create(
        slug=f"own-{uuid4().hex[:8]}", name="Dear", meter="operations", amount=1, price=99_00, currency="USD",
        is_offered=False,
    )  # fmt: skip
    TopUp.objects.filter(workspace=buyer.person.workspace).update(pack=dearer)

    top_up(buyer)

    [paid] = PackPurchase.objects.filter(workspace=buyer.person.workspace)
    charged = Simulated.objects.get(pk=paid.stripe_id).data["amount"]
    assert (paid.state, paid.amount, paid.price, charged) == ("paid", 50, 300, 300)


class Rejecting(DemoGateway):
    def charge(self, order: PackOrder, card_id: str) -> Object:
        raise GatewayRejected("No such customer.")


def test_one_that_the_gateway_rejects_is_paused(run: Run[Any], buyer: Buyer) -> None:
    operate(run, buyer, 6)

    top_up(buyer, Rejecting(clock=lambda: buyer.at))

    assert bought(buyer) == ["failed"]
    assert TopUp.objects.get(workspace=buyer.person.workspace).paused_at


# ---- as its customer sets it


def test_it_is_set_shown_and_ended(product: Product, alice: Person) -> None:
    wanted = {"below": 5, "pack": "operations-50", "a_month": 3}

    put = product.http.put(PATH, json=wanted, headers=alice.headers)
    [listed] = product.http.get("/api/v1/quotas/top-ups", headers=alice.headers).json()
    ended = product.http.delete(PATH, headers=alice.headers)

    assert (put.status_code, put.json(), ended.status_code) == (200, listed, 204)
    assert {name: listed[name] for name in wanted} == wanted
    assert product.http.delete(PATH, headers=alice.headers).status_code == 404


def test_a_pack_of_another_meter_is_refused(product: Product, alice: Person) -> None:
    refused = product.http.put(PATH, json={"below": 5, "pack": "tokens-100k"}, headers=alice.headers)

    assert (refused.status_code, refused.json()["code"]) == (422, "pack_of_another_meter")
