"""What staff ask of the business over the API: users, exports, logs, what-if."""

from __future__ import annotations

import csv
import json
import math
from base64 import urlsafe_b64encode
from itertools import chain
from typing import Any

import httpx2
import pytest
from django.utils.timezone import now

from accounts import tokens
from accounts.models import AuditEntry, User
from accounts.tests.factories import Person, UserFactory, person
from analytics import customers
from analytics.models import CustomerMonth
from analytics.moments import here
from analytics.tests.rollups import audited as audited
from analytics.tests.rollups import taken_back as taken_back
from billing.models import RecurringRevenue
from billing.tests.demo import Buyer, a_price
from config.tests.product import Product
from quotas.models import Rollup
from quotas.tests.plans import put_on_plan

FIGURES = ["kpis", "dashboard", "revenue-breakdown?by=country", "margins", "usage", "users", "top-users", "logs"]


@pytest.fixture(scope="module")
def staff(database: None) -> User:
    user = person("Staff").user
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    user.refresh_from_db()
    return user


def ask(product: Product, staff: User, path: str, **body: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {tokens.begin_staff(staff)}"}
    method = "POST" if body else "GET"
    return product.http.request(method, f"/api/v1/analytics/{path}", json=body or None, headers=headers)


@pytest.mark.parametrize("path", [*FIGURES, "users/export"])
def test_it_is_for_staff_alone(product: Product, staff: User, alice: Person, path: str) -> None:
    assert ask(product, staff, path).status_code == 200
    assert product.http.get(f"/api/v1/analytics/{path}", headers=alice.session).status_code == 403


def test_the_first_page_has_everything_in_one_answer(product: Product, staff: User, alice: Person) -> None:
    Buyer(alice, now()).buy(a_price(7777))

    told = ask(product, staff, "dashboard").json()

    assert set(told) == {"kpis", "usage", "margins", "top_users", "providers"}
    assert told["kpis"]["simulated"]
    assert len(told["kpis"]["revenue_trend"]) == len(told["usage"]["by_day"]) == 30
    assert next(money["amount"] for money in told["kpis"]["mrr"] if money["currency"] == "USD") >= 7777


@pytest.mark.parametrize("sort", ["created_at", "email", "tokens", "cost", "mrr"])
def test_users_are_found_sorted_and_paged(product: Product, staff: User, sort: str) -> None:
    word = f"Pages by {sort}"
    made = [UserFactory.create(business_name=word) for _ in range(5)]
    path: str | None = f"users?search={word}&sort={sort}&page_size=2"
    found: list[list[str]] = []

    while path:
        page = ask(product, staff, path).json()
        found.append([row["id"] for row in page["results"]])
        path = page["next"] and page["next"].rpartition("/")[2]

    assert [len(page) for page in found] == [2, 2, 1]
    assert sorted(chain(*found)) == sorted(str(user.pk) for user in made)
    if sort == "created_at":
        assert list(chain(*found)) == [str(user.pk) for user in reversed(made)]


@pytest.mark.parametrize("sort", ["tokens", "cost", "mrr"])
def test_who_has_most_comes_first_and_pages_go_on_among_those_who_have_nothing(
    product: Product, staff: User, sort: str
) -> None:
    word, at, price = f"Most {sort}", now(), a_price(2500)
    made = [person(f"{word} {number}") for number in range(6)]
    User.objects.filter(pk__in=[each.user.pk for each in made]).update(business_name=word)
    for each, amount in zip(made, [5, 9, 5, 0], strict=False):
        terms = {"works": 1, "tokens": amount, "cost": amount}
        CustomerMonth.objects.create(workspace=each.workspace, month=here(at).months(1).first, **terms)
    for each in (made[0], made[2]):
        Buyer(each, at).buy(price)
    path: str | None = f"users?search={word}&sort={sort}&page_size=2&tier={'' if sort == 'mrr' else 'free'}"
    found: list[list[str]] = []

    while path:
        page = ask(product, staff, path).json()
        found.append([row["id"] for row in page["results"]])
        path = page["next"] and page["next"].rpartition("/")[2]

    lines = customers.customers(here(now()), search=word, tier="" if sort == "mrr" else "free")
    value = {line["id"]: line[sort] for line in lines}
    assert list(chain(*found)) == [str(pk) for pk in sorted(value, key=lambda pk: (value[pk], pk), reverse=True)]
    assert len(value) == (6 if sort == "mrr" else 4)


def test_a_user_s_line_says_what_they_pay_and_on_which_plan(product: Product, staff: User, alice: Person) -> None:
    price = a_price(4321)
    Buyer(alice, now()).buy(price)

    [line] = ask(product, staff, f"users?tier={price.plan_id}").json()["results"]

    assert (line["email"], line["workspace"]) == (alice.user.email, str(alice.workspace.pk))
    assert (line["tier"], line["mrr"], line["pays_in"]) == (price.plan_id, 4321, "USD")


@pytest.mark.parametrize("cursor", ["x", "W10=", "WzFd", "eyJhIjoxfQ=="])
def test_what_is_no_cursor_is_not_found(product: Product, staff: User, cursor: str) -> None:
    assert ask(product, staff, f"users?cursor={cursor}").status_code == 404


@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("tokens", math.inf),
        ("email", "a\0"),
        ("email", "\ud800"),
        ("created_at", "2026-01-01T00:00:00"),
        ("created_at", "9999-12-31T23:00:00-23:00"),
    ],
)
def test_a_cursor_that_was_made_up_is_not_found(product: Product, staff: User, sort: str, value: Any) -> None:
    made_up = urlsafe_b64encode(json.dumps([sort, value, str(staff.pk)]).encode()).decode()

    assert ask(product, staff, f"users?sort={sort}&cursor={made_up}").status_code == 404


def test_the_export_has_no_formulas_and_is_noted(product: Product, staff: User) -> None:
    hostile = UserFactory.create(name="=1+1", business_name="Sheets of formulas")

    answer = ask(product, staff, "users/export?search=Sheets of formulas")

    [header, line] = csv.reader(answer.text.splitlines())
    row = dict(zip(header, line, strict=True))
    assert (row["id"], row["name"], row["tier"]) == (str(hostile.pk), "'=1+1", "free")
    noted = AuditEntry.objects.filter(actor=staff, action="users.exported").latest("at")
    assert noted.after["search"] == "Sheets of formulas"


def test_logs_are_filtered(product: Product, staff: User, alice: Person) -> None:
    put_on_plan(alice, tokens_day=5)
    subject = f"workspace:{alice.workspace.pk}"

    found = ask(product, staff, f"logs?subject={subject}&action=subscription.given").json()["results"]

    assert [(line["workspace_id"], line["after"]["plan"][:4]) for line in found] == [(str(alice.workspace.pk), "own-")]
    assert ask(product, staff, f"logs?subject={subject}&before=2020-01-01T00:00:00Z").json()["results"] == []


# What if


def test_last_month_under_other_limits_says_who_would_be_refused_and_what_they_would_pay(
    product: Product, staff: User, alice: Person
) -> None:
    plan = put_on_plan(alice, tokens_day=1000)
    month = here(now()).month_before()
    for day, amount in ((3, 50), (4, 120), (5, 130)):
        at = month.starts_at.replace(day=day, hour=12)
        Rollup.objects.create(workspace=alice.workspace, hour=at, meter="tokens", model="m", amount=amount, works=1)
    limits = [{"policy": "tokens-day", "limit": 100}, {"policy": "tokens-month", "limit": 290, "overage_price": 3}]
    limits += [{"policy": "tokens-day", "limit": 130}]

    told = ask(product, staff, "what-if", plan=plan.slug, limits=limits).json()

    assert told["customers"] == 1
    by_day, by_month, never = told["limits"]
    [hit] = by_day["worst"]
    assert (hit["windows"], hit["most"], hit["beyond"], by_day["refuses"]) == (2, 130, 50, True)
    assert (by_month["refuses"], by_month["customers"], by_month["amount"]) == (False, 1, 30)
    assert (never["customers"], never["worst"]) == (0, [])


def test_other_prices_are_multiplied_and_nothing_is_changed(product: Product, staff: User, alice: Person) -> None:
    price = a_price(2000)
    Buyer(alice, now()).buy(price)

    told = ask(product, staff, "what-if", plan=price.plan_id, prices={"USD": 2500, "EUR": 9}).json()

    assert told["prices"] == [{"currency": "USD", "amount": 2000, "customers": 1, "before": 2000, "after": 2500}]
    assert RecurringRevenue.objects.get(workspace=alice.workspace).amount == 2000


@pytest.mark.parametrize(
    "body",
    [
        {"plan": "nothing-so-called"},
        {"plan": "free", "limits": [{"policy": "tokens-lifetime", "limit": 1}]},
        {"plan": "free", "limits": [{"policy": "tokens-day", "limit": -1}]},
        {"plan": "free", "prices": {"USD": "much"}},
    ],
)
def test_what_cannot_be_replayed_is_refused(product: Product, staff: User, body: dict[str, Any]) -> None:
    assert ask(product, staff, "what-if", **body).status_code == 400
