"""POST quotas/set-plan: the described system's messages, and money where a plan costs something."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from accounts.tests.factories import Person
from billing.models import Subscription
from config.tests.product import Product
from conftest import Run
from quotas.tests.test_plan_changes import spend

PATH = "/api/v1/quotas/set-plan"


def put(product: Product, person: Person, plan: str, **more: Any) -> httpx2.Response:
    return product.http.post(PATH, json={"plan": plan, **more}, headers=person.headers)


def test_up_carries_over_what_was_left(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 3_000)

    assert put(product, alice, "starter").json() == {
        "status": "ok",
        "message": "upgraded to starter with carry-over",
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


def test_from_one_paid_plan_to_another_the_subscription_changes(product: Product, alice: Person) -> None:
    put(product, alice, "team")

    assert put(product, alice, "starter").json()["message"] == "downgraded to starter"
    assert [each.plan_id for each in Subscription.objects.filter(workspace=alice.workspace)] == ["starter"]


def test_a_plan_nobody_offers_is_refused(product: Product, alice: Person) -> None:
    answer = put(product, alice, "nonesuch")

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_plan")


@pytest.mark.parametrize("plan", ["free", "starter"])
def test_nobody_forgets_their_own_usage(product: Product, alice: Person, plan: str) -> None:
    answer = put(product, alice, plan, reset_used=True)

    assert (answer.status_code, answer.json()["code"]) == (403, "reset_not_allowed")
