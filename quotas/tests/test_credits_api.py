"""Credits over HTTP: what is left, codes, what staff give, and packs that turn into credit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.tests.factories import Person, person
from billing.models import PackPurchase
from billing.tests.demo import GOOD, Buyer
from config.tests.product import Product
from quotas import purchases
from quotas.models import Entry, Grant, Promotion
from quotas.tests.ledger import audited as audited

API = "/api/v1/quotas"


def post(product: Product, who: Person, path: str, **body: Any) -> httpx2.Response:
    return product.http.post(f"{API}/{path}", json=body, headers=who.headers)


def credits_of(product: Product, who: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = product.http.get(f"{API}/grants", headers=who.headers).json()["results"]
    return found


@pytest.fixture
def code(database: None) -> str:
    return Promotion.objects.create(code=f"C{uuid4().hex[:8].upper()}", meter="tokens", amount=500, lasts_days=7).pk


def test_a_code_gives_credit(product: Product, alice: Person, code: str) -> None:
    given = post(product, alice, "promotions/redeem", code=f" {code.lower()} ")

    [listed] = credits_of(product, alice)
    assert given.status_code == 201
    assert given.json() == listed
    assert (listed["amount"], listed["remaining"], listed["source"]) == (500, 500, "promotion")


def test_a_code_gives_it_once(product: Product, alice: Person, code: str) -> None:
    def redeem(_: int) -> int:
        return post(product, alice, "promotions/redeem", code=code).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(redeem, range(8)))

    assert answers == [201] + [409] * 7
    assert Promotion.objects.get(pk=code).redeemed == 1


def test_a_code_for_one_serves_one(product: Product, code: str) -> None:
    Promotion.objects.filter(pk=code).update(most=1)
    people = [person(f"Alice {number}") for number in range(6)]

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(lambda who: post(product, who, "promotions/redeem", code=code).status_code, people))

    assert answers == [201] + [404] * 5


def test_a_code_that_has_ended_is_none(product: Product, alice: Person, code: str) -> None:
    Promotion.objects.filter(pk=code).update(ends_at=now() - timedelta(seconds=1))

    refused = post(product, alice, "promotions/redeem", code=code)

    assert (refused.status_code, refused.json()["code"]) == (404, "promotion_unknown")


def test_who_is_not_staff_gives_nobody_credit(product: Product, alice: Person) -> None:
    gift = {"workspace": str(alice.workspace.pk), "meter": "tokens", "amount": 10**9, "reason": "Me."}

    assert post(product, alice, "grants", **gift).status_code == 403
    assert credits_of(product, alice) == []


def test_credits_are_ones_own(product: Product, alice: Person, charlie: Person, code: str) -> None:
    post(product, alice, "promotions/redeem", code=code)

    assert credits_of(product, charlie) == []


# ---- packs


@pytest.fixture
def bought(product: Product, alice: Person) -> PackPurchase:
    """A pack that is paid by a saved card, as the product's own process sees to it."""
    buyer = Buyer(alice, now())
    buyer.gateway.add_card(buyer.id, GOOD, authenticated=True)
    path = "/api/v1/billing/packs/operations-50/purchases"
    assert product.http.post(path, json={}, headers=alice.headers).status_code == 201
    return PackPurchase.objects.get(workspace=alice.workspace)


def test_a_pack_that_is_paid_is_credit_at_once(product: Product, alice: Person, bought: PackPurchase) -> None:
    [listed] = credits_of(product, alice)

    assert (listed["meter"], listed["amount"], listed["source"]) == ("operations", 50, "purchase")


def test_however_often_it_is_told_it_is_credit_once(bought: PackPurchase) -> None:
    at = now()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: told_and_closed(bought), range(8)))
    purchases.grant_paid(at)

    assert Entry.objects.filter(bucket__grant__purchase=bought, kind="grant").count() == 1


def told_and_closed(bought: PackPurchase) -> None:
    purchases.hear_of_payment(purchase=bought.pk, at=now())
    connection.close()


def test_what_nobody_was_told_of_is_found(alice: Person, bought: PackPurchase) -> None:
    missed = PackPurchase.objects.create(
        **{name: getattr(bought, name) for name in ("workspace", "pack", "meter", "amount", "price", "currency")},
        gateway="demo",
        state="paid",
        created_at=now(),
        paid_at=now(),
    )

    purchases.grant_paid(now())

    assert Grant.objects.get(purchase=missed).amount == 50


def test_what_is_left_of_a_pack_that_was_paid_back_goes(alice: Person, bought: PackPurchase) -> None:
    PackPurchase.objects.filter(pk=bought.pk).update(state="refunded")

    purchases.hear_of_refund(purchase=bought.pk)
    purchases.take_back_refunded(now())

    lines = Entry.objects.filter(bucket__grant__purchase=bought).order_by("id")
    assert list(lines.values_list("kind", "amount")) == [("grant", 50), ("expiry", -50)]
