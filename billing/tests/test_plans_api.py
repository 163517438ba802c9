"""The plans as clients read them."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing import subscriptions
from billing.models import Plan
from config.tests.product import Product

PLANS = "/api/v1/billing/plans"


def test_the_plans_on_offer_are_listed_the_lowest_first(product: Product) -> None:
    answer = product.http.get(PLANS)

    assert answer.status_code == 200
    assert [plan["slug"] for plan in answer.json()] == ["free", "starter", "team", "scale", "enterprise"]


def test_a_plan_says_what_it_costs_and_allows(product: Product) -> None:
    plan = product.http.get(f"{PLANS}/starter").json()

    assert set(plan) == {
        "slug", "name", "description", "features", "allowed_models", "is_default", "prices", "limits"
    }  # fmt: skip
    assert plan["prices"] == [{"currency": "USD", "amount": 2900, "interval": "month", "interval_count": 1}]
    assert {"meter": "tokens", "window": "day", "limit": 100_000, "overage_price": None} in plan["limits"]
    assert {"meter": "operations", "window": "month", "limit": 100, "overage_price": 8} in plan["limits"]


def test_a_plan_is_the_same_alone_and_in_the_list(product: Product) -> None:
    listed = product.http.get(PLANS).json()

    assert [product.http.get(f"{PLANS}/{plan['slug']}").json() for plan in listed] == listed


@pytest.mark.parametrize("slug", ["nowhere", "FREE", "0", "_"])
def test_an_unknown_plan_is_not_found(product: Product, slug: str) -> None:
    answer = product.http.get(f"{PLANS}/{slug}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_plan_that_is_not_offered_is_not_shown(product: Product) -> None:
    Plan.objects.create(slug="retired", name="Retired", rank=99, is_offered=False)

    assert product.http.get(f"{PLANS}/retired").status_code == 404
    assert "retired" not in product.http.get(PLANS).text


def test_a_comparison_puts_the_plans_side_by_side(product: Product, alice: Person) -> None:
    answer = product.http.get(f"{PLANS}/compare", headers=alice.headers).json()

    assert set(answer) == {"current", "plans", "limits"}
    assert answer["plans"] == product.http.get(PLANS).json()
    assert [(row["meter"], row["window"]) for row in answer["limits"]] == [
        ("messages", "day"),
        ("operations", "month"),
        ("requests", "day"),
        ("tokens", "day"),
    ]
    assert answer["limits"][3]["limits"] == {
        "free": 10_000,
        "starter": 100_000,
        "team": 300_000,
        "scale": 1_000_000,
        "enterprise": 3_000_000,
    }


@pytest.mark.parametrize("slug", ["free", "team"])
def test_a_comparison_says_which_plan_is_yours(product: Product, alice: Person, slug: str) -> None:
    subscriptions.put_on_plan(alice.workspace, slug, at=now())

    assert product.http.get(f"{PLANS}/compare", headers=alice.headers).json()["current"] == slug


def test_a_comparison_needs_to_know_who_asks(product: Product) -> None:
    assert product.http.get(f"{PLANS}/compare").status_code == 401


@pytest.mark.parametrize("path", [PLANS, f"{PLANS}/free", f"{PLANS}/compare"])
def test_plans_are_only_read(product: Product, alice: Person, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = product.http.request(method, path, headers=alice.headers, json={})
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert "GET" in answer.headers["allow"]
