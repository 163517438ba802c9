"""POST quotas/set-plan: the described system's messages, and money where a plan costs something."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from django.utils.dateparse import parse_datetime

from accounts import tokens
from accounts.models import User
from accounts.tests.factories import Person
from billing.models import Invoice, Subscription
from config.tests.product import Product
from conftest import Run
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import spend

PATH = "/api/v1/quotas/set-plan"


def put(product: Product, person: Person, plan: str, **more: Any) -> httpx2.Response:
    return product.http.post(PATH, json={"plan": plan, **more}, headers=person.headers)


def test_up_carries_over_what_was_left(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 3_000)

    assert put(product, alice, "starter").json() == {
        "status": "ok",
        "message": "upgraded to starter with carry-over",
        "counts_from": None,
        "plan": "starter",
        "token_quota": 107_000,
        "token_used": 0,
        "remaining": 107_000,
    }


def test_up_before_anything_was_used_carries_over_all_of_it(product: Product, alice: Person) -> None:
    assert put(product, alice, "starter").json()["token_quota"] == 110_000


def test_where_payments_are_simulated_a_paid_plan_counts_at_once(product: Product, alice: Person) -> None:
    put(product, alice, "team")

    subscription = Subscription.objects.get(workspace=alice.workspace)
    assert (subscription.plan_id, subscription.status, subscription.gateway) == ("team", "active", "demo")


def test_the_same_is_confirmed(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 3_000)

    answer = put(product, alice, "free").json()

    assert (answer["message"], answer["token_used"], answer["remaining"]) == ("plan confirmed", 3_000, 7_000)


def test_down_keeps_what_was_used(product: Product, run: Run[Any], alice: Person) -> None:
    put(product, alice, "starter")
    spend(run, alice, 3_000)

    answer = put(product, alice, "free").json()

    assert answer["message"] == "downgraded to free"
    assert (answer["token_quota"], answer["token_used"], answer["remaining"]) == (10_000, 3_000, 7_000)
    assert not Subscription.objects.filter(workspace=alice.workspace).open().exists()


def test_a_lower_paid_plan_waits_for_the_end_of_what_is_paid(product: Product, alice: Person) -> None:
    put(product, alice, "team")

    answer = put(product, alice, "starter").json()

    subscription = Subscription.objects.get(workspace=alice.workspace)
    assert subscription.next_price is not None
    assert (subscription.plan_id, subscription.next_price.plan_id) == ("team", "starter")
    assert (answer["message"], answer["plan"]) == ("downgraded to starter", "team")
    assert parse_datetime(answer["counts_from"]) == subscription.current_period_end


def test_choosing_the_present_one_again_takes_that_back(product: Product, alice: Person) -> None:
    put(product, alice, "team")
    put(product, alice, "starter")

    answer = put(product, alice, "team").json()

    assert (answer["message"], answer["counts_from"]) == ("plan confirmed", None)
    assert Subscription.objects.get(workspace=alice.workspace).next_price is None
    assert Invoice.objects.filter(workspace=alice.workspace).count() == 1


def test_staff_may_forget_what_is_used(product: Product, run: Run[Any], alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_staff=True)
    alice.user.refresh_from_db()
    spend(run, alice, 3_000)
    headers = {"authorization": f"Bearer {tokens.begin_staff(alice.user)}"}

    answer = product.http.post(PATH, json={"plan": "free", "reset_used": True}, headers=headers).json()

    assert (answer["message"], answer["token_used"], answer["remaining"]) == ("plan confirmed", 0, 10_000)


def test_a_plan_nobody_offers_is_refused(product: Product, alice: Person) -> None:
    answer = put(product, alice, "nonesuch")

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_plan")


@pytest.mark.parametrize("plan", ["free", "starter"])
def test_nobody_forgets_their_own_usage(product: Product, alice: Person, plan: str) -> None:
    answer = put(product, alice, plan, reset_used=True)

    assert (answer.status_code, answer.json()["code"]) == (403, "reset_not_allowed")
