"""Credit packs where payments are simulated: bought, refused, authenticated, paid back, and told of once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from django.db import connection
from django.utils.timezone import now

from accounts import erasure
from accounts.audit import SYSTEM
from accounts.models import AuditEntry
from accounts.tests.factories import Person
from billing import customers, packs, summary
from billing.errors import GatewayUnavailable, PaymentRefused, PaymentRequired, UnknownPack
from billing.gateways import PackOrder
from billing.gateways.demo import DemoGateway
from billing.gateways.demo.books import Object
from billing.gateways.demo.cards import TestNumber
from billing.models import CreditPack, PackPurchase, Simulated
from billing.signals import pack_paid, pack_refunded
from billing.tests.demo import ALWAYS_ASKS, ASKS, DECLINED, FAILS_LATER, GOOD, Buyer
from billing.tests.test_demo_pages import Visitor, path
from config.tests.product import Product

API = "/api/v1/billing"
BUY = f"{API}/packs/operations-50/purchases"
WAYS = {"success_url": "https://app.example/done", "cancel_url": "https://app.example/left"}


@pytest.fixture
def buyer(alice: Person) -> Buyer:
    return Buyer(alice, now().replace(microsecond=0))


@pytest.fixture
def news(database: None) -> Iterator[list[tuple[str, UUID]]]:
    """What listeners hear."""
    heard: list[tuple[str, UUID]] = []

    def paid(purchase: UUID, **_: Any) -> None:
        heard.append(("paid", purchase))

    def refunded(purchase: UUID, **_: Any) -> None:
        heard.append(("refunded", purchase))

    pack_paid.connect(paid)
    pack_refunded.connect(refunded)
    yield heard
    pack_paid.disconnect(paid)
    pack_refunded.disconnect(refunded)


def pack() -> CreditPack:
    return packs.named("operations-50")


def save(buyer: Buyer, card: TestNumber) -> None:
    buyer.gateway.add_card(buyer.id, card, authenticated=True)


def buy(buyer: Buyer, gateway: DemoGateway | None = None) -> PackPurchase:
    return packs.buy(gateway or buyer.gateway, buyer.person.workspace, pack(), **WAYS, by=SYSTEM, at=buyer.at)


def top_up(buyer: Buyer, **options: Any) -> PackPurchase:
    return packs.buy_automatically(buyer.gateway, buyer.person.workspace, pack(), by=SYSTEM, at=buyer.at, **options)


def ask(product: Product, buyer: Buyer, method: str, address: str) -> httpx2.Response:
    return product.http.request(method, address, headers=buyer.person.headers)


def checkout(product: Product, buyer: Buyer) -> Visitor:
    answer = ask(product, buyer, "POST", BUY)
    assert (answer.status_code, answer.json()["code"]) == (402, "payment_required")
    return Visitor(product, path(answer.json()["checkout_url"]))


def mine(buyer: Buyer) -> PackPurchase:
    return PackPurchase.objects.get(workspace=buyer.person.workspace)


def history(buyer: Buyer) -> list[str]:
    log = AuditEntry.objects.filter(workspace=buyer.person.workspace, action__startswith="pack.")
    return list(log.order_by("pk").values_list("action", flat=True))


# By the card that is saved


def test_with_a_card_it_is_paid_at_once(product: Product, buyer: Buyer) -> None:
    save(buyer, GOOD)

    answer = ask(product, buyer, "POST", BUY)

    bought = answer.json()
    assert answer.status_code == 201
    assert (bought["pack"], bought["meter"], bought["amount"], bought["lasts_days"]) == (
        "operations-50", "operations", 50, None
    )  # fmt: skip
    assert (bought["state"], bought["price"], bought["currency"], bought["simulated"]) == ("paid", 300, "USD", True)
    assert ask(product, buyer, "GET", f"{API}/pack-purchases").json()["results"] == [bought]
    assert ask(product, buyer, "GET", f"{API}/pack-purchases/{bought['id']}").json() == bought
    assert [each["what"] for each in ask(product, buyer, "GET", f"{API}/history").json()["results"]][:2] == [
        "pack.paid",
        "pack.asked",
    ]
    assert ask(product, buyer, "GET", f"{API}/summary").json()["paid_amounts"] == [{"currency": "USD", "amount": 300}]


def test_a_card_that_does_not_pay_is_told_and_noted(product: Product, buyer: Buyer) -> None:
    save(buyer, FAILS_LATER)

    answer = ask(product, buyer, "POST", BUY)

    assert (answer.status_code, answer.json()["code"]) == (402, "payment_refused")
    assert (mine(buyer).state, mine(buyer).paid_at) == ("failed", None)
    assert "declined" in mine(buyer).error
    assert history(buyer) == ["pack.asked", "pack.failed"]


def test_a_card_whose_bank_asks_every_time_is_paid_with_at_a_checkout(product: Product, buyer: Buyer) -> None:
    save(buyer, ALWAYS_ASKS)

    page = checkout(product, buyer)

    assert mine(buyer).state == "open"
    page.send(card=ALWAYS_ASKS.number, authenticated="yes")
    assert mine(buyer).state == "paid"


@pytest.mark.parametrize("slug", ["nowhere", "retired-for-good"])
def test_what_is_not_on_offer_is_not_found(product: Product, buyer: Buyer, slug: str) -> None:
    terms = {"name": "R", "meter": "tokens", "amount": 1, "price": 1, "currency": "USD", "is_offered": False}
    CreditPack.objects.get_or_create(slug="retired-for-good", defaults=terms)

    answer = ask(product, buyer, "POST", f"{API}/packs/{slug}/purchases")

    assert (answer.status_code, answer.json()["code"]) == (404, UnknownPack.code)
    assert not packs.bought(buyer.person.workspace.pk).exists()


# At a checkout


def test_without_a_card_it_is_paid_at_a_checkout_which_keeps_none(product: Product, buyer: Buyer) -> None:
    page = checkout(product, buyer)
    assert "Paid once" in page.look().text
    assert "Promotion code" not in page.look().text

    refused = page.send(card=DECLINED.number)
    assert (refused.status_code, mine(buyer).state) == (402, "open")
    asked = page.send(card=ASKS.number)
    assert ("Your bank asks" in asked.text, mine(buyer).state) == (True, "open")
    paid = page.send(card=ASKS.number, authenticated="yes")

    assert (paid.status_code, mine(buyer).state) == (302, "paid")
    assert mine(buyer).stripe_id.startswith("demo_pi_")
    assert buyer.gateway.cards(buyer.id) == []
    assert history(buyer) == ["pack.asked", "pack.paid"]


def test_a_page_nobody_paid_at_ends_the_purchase(buyer: Buyer) -> None:
    with pytest.raises(PaymentRequired):
        buy(buyer)

    late = buyer.then(buyer.at + timedelta(hours=25))
    packs.record(late.gateway, mine(buyer).pk, at=late.at)

    assert (mine(buyer).state, mine(buyer).error) == ("failed", "Nothing was paid while its page was there.")


# When little is left


def test_an_automatic_purchase_takes_the_saved_card_once_however_often_it_is_asked_for(buyer: Buyer) -> None:
    save(buyer, GOOD)
    purchase_id = uuid4()

    first, again = (top_up(buyer, purchase_id=purchase_id) for _ in range(2))

    assert (first.pk, first.state, first.is_automatic) == (purchase_id, "paid", True)
    assert again == first
    assert Simulated.objects.filter(kind="payment_intent", customer_id=buyer.id).count() == 1


@pytest.mark.parametrize(("card", "why"), [(None, "no card"), (FAILS_LATER, "declined"), (ALWAYS_ASKS, "it is you")])
def test_an_automatic_purchase_that_nobody_pays_says_why(buyer: Buyer, card: TestNumber | None, why: str) -> None:
    if card:
        save(buyer, card)

    purchase = top_up(buyer)

    assert purchase.state == "failed"
    assert why in purchase.error


def test_an_automatic_purchase_that_failed_is_not_tried_again_under_its_id(buyer: Buyer) -> None:
    save(buyer, FAILS_LATER)
    failed = top_up(buyer, purchase_id=uuid4())
    save(buyer, GOOD)

    assert top_up(buyer, purchase_id=failed.pk).state == "failed"


# Whatever becomes of the answer


class Forgetful(DemoGateway):
    """Takes the money, and its answer is lost."""

    def charge(self, order: PackOrder, card_id: str) -> Object:
        super().charge(order, card_id)
        raise GatewayUnavailable


def test_a_payment_whose_answer_was_lost_is_found_by_its_purchase(buyer: Buyer, news: list[Any]) -> None:
    save(buyer, GOOD)
    with pytest.raises(GatewayUnavailable):
        buy(buyer, Forgetful())
    assert mine(buyer).state == "open"

    [found] = packs.record_recent(buyer.gateway, customers.customer_of(buyer.person.workspace, buyer.gateway), at=now())

    assert found.state == "paid"
    assert news == [("paid", found.pk)]


class Away(DemoGateway):
    """Nothing comes there."""

    def charge(self, order: PackOrder, card_id: str) -> Object:
        raise GatewayUnavailable


def test_what_never_came_to_the_gateway_is_open_for_an_hour(buyer: Buyer) -> None:
    save(buyer, GOOD)
    with pytest.raises(GatewayUnavailable):
        buy(buyer, Away())

    soon = packs.record(buyer.gateway, mine(buyer).pk, at=buyer.at + timedelta(minutes=59))
    later = packs.record(buyer.gateway, mine(buyer).pk, at=buyer.at + timedelta(minutes=61))

    assert (soon.state, later.state, later.error) == ("open", "failed", "It was never paid.")


def test_many_who_hear_of_it_at_once_tell_of_it_once(buyer: Buyer, news: list[Any]) -> None:
    save(buyer, GOOD)
    with pytest.raises(GatewayUnavailable):
        buy(buyer, Forgetful())
    purchase_id = mine(buyer).pk
    all_there = Barrier(3)

    def hear(_: int) -> None:
        with closing(connection):
            connection.ensure_connection()
            all_there.wait(30)
            packs.record(buyer.gateway, purchase_id, at=buyer.at)

    with ThreadPoolExecutor(3) as crowd:
        list(crowd.map(hear, range(3)))

    assert news == [("paid", purchase_id)]
    assert history(buyer) == ["pack.asked", "pack.paid"]


def test_a_listener_that_fails_takes_nothing_back(buyer: Buyer, news: list[Any]) -> None:
    def stumble(**_: Any) -> None:
        raise ValueError("a listener stumbled")

    pack_paid.connect(stumble)
    try:
        save(buyer, GOOD)
        assert buy(buyer).state == "paid"
    finally:
        pack_paid.disconnect(stumble)
    assert news == [("paid", mine(buyer).pk)]


# Paid back


def test_what_is_paid_back_in_part_stays_paid_and_in_whole_is_refunded(buyer: Buyer, news: list[Any]) -> None:
    save(buyer, GOOD)
    bought = buy(buyer)

    buyer.gateway.pay_back(bought.stripe_id, 100)
    for _ in range(2):
        packs.record(buyer.gateway, bought.pk, at=buyer.at)
    assert (mine(buyer).state, mine(buyer).refunded) == ("paid", 100)
    buyer.gateway.pay_back(bought.stripe_id)
    packs.record(buyer.gateway, bought.pk, at=buyer.at)

    assert (mine(buyer).state, mine(buyer).refunded) == ("refunded", 300)
    assert news == [("paid", bought.pk), ("refunded", bought.pk), ("refunded", bought.pk)]
    assert summary.summary(buyer.person.workspace.pk, simulated=True).paid_amounts == []


def test_a_refund_is_played_in_the_portal(product: Product, buyer: Buyer) -> None:
    save(buyer, GOOD)
    bought = buy(buyer)
    portal = Visitor(product, path(buyer.gateway.open_portal(buyer.id, return_url="https://app.example/").url))

    assert portal.send(act="pay-back", payment_id=bought.stripe_id).status_code == 302
    assert mine(buyer).state == "refunded"
    assert portal.send(act="pay-back", payment_id=bought.stripe_id).status_code == 400


def test_the_payment_of_another_is_not_paid_back(product: Product, buyer: Buyer, charlie: Person) -> None:
    save(buyer, GOOD)
    bought = buy(buyer)
    his = replace(buyer, person=charlie)
    portal = Visitor(product, path(his.gateway.open_portal(his.id, return_url="https://app.example/").url))

    assert portal.send(act="pay-back", payment_id=bought.stripe_id).status_code == 400
    assert packs.record(buyer.gateway, bought.pk, at=buyer.at).state == "paid"


# Whoever leaves


def test_what_a_bank_said_of_who_leaves_is_forgotten_and_the_purchase_stays(buyer: Buyer) -> None:
    save(buyer, FAILS_LATER)
    with pytest.raises(PaymentRefused):
        buy(buyer)

    erasure.erase(buyer.person.user.pk, by=SYSTEM, at=now())

    assert (mine(buyer).state, mine(buyer).error) == ("failed", "")
