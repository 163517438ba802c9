"""The plans as clients read them."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing import subscriptions
from billing.models import CreditPack, Plan
from config.tests.product import Product

PLANS = "/api/v1/billing/plans"


def test_the_plans_on_offer_are_listed_the_lowest_first(product: Product) -> None:
    answer = product.http.get(PLANS)

    assert answer.status_code == 200
    assert [plan["slug"] for plan in answer.json()] == ["free", "starter", "team", "scale", "enterprise"]


def test_a_plan_says_what_it_costs_and_allows(product: Product) -> None:
    plan = product.http.get(f"{PLANS}/starter").json()

    assert set(plan) == {
        "slug", "name", "description", "features", "allowed_models", "is_default", "requests_per_minute",
        "active_projects",
        "prices", "limits",
    }  # fmt: skip
    assert plan["prices"] == [{"currency": "USD", "amount": 2900, "interval": "month", "interval_count": 1}]
    assert plan["requests_per_minute"] == 60
    assert limit(plan, "tokens") == ("day", 100_000, "hard", None)
    assert limit(plan, "operations") == ("month", 100, "overage", 8)


def limit(plan: dict[str, Any], meter: str) -> tuple[Any, ...]:
    [found] = [each for each in plan["limits"] if each["meter"] == meter]
    assert found["rolls_over"] is None
    return (found["window"], found["limit"], found["policy"], found["overage_price"])


def test_a_soft_limit_is_told_apart(product: Product) -> None:
    plan = product.http.get(f"{PLANS}/scale").json()

    assert limit(plan, "cost") == ("day", 10_000_000, "soft", None)


def test_the_packs_on_offer_are_listed_in_their_order(product: Product) -> None:
    CreditPack.objects.get_or_create(
        slug="retired-pack",
        defaults={"name": "R", "meter": "tokens", "amount": 1, "price": 1, "currency": "USD", "is_offered": False},
    )

    answer = product.http.get("/api/v1/billing/packs")

    assert answer.status_code == 200
    assert answer.json() == [
        {
            "slug": "tokens-100k",
            "name": "100,000 tokens",
            "meter": "tokens",
            "amount": 100_000,
            "price": 500,
            "currency": "USD",
            "lasts_days": 90,
        },
        {
            "slug": "operations-50",
            "name": "50 operations",
            "meter": "operations",
            "amount": 50,
            "price": 300,
            "currency": "USD",
            "lasts_days": None,
        },
    ]


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

    assert set(answer) == {"current", "plans", "limits", "packs"}
    assert answer["packs"] == product.http.get("/api/v1/billing/packs").json()
    assert answer["plans"] == product.http.get(PLANS).json()
    assert [(row["meter"], row["window"]) for row in answer["limits"]] == [
        ("cost", "day"),
        ("messages", "day"),
        ("operations", "month"),
        ("requests", "day"),
        ("tokens", "day"),
    ]
    assert answer["limits"][0]["policies"] == {
        "free": None,
        "starter": None,
        "team": None,
        "scale": "soft",
        "enterprise": "soft",
    }
    assert answer["limits"][4]["limits"] == {
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
