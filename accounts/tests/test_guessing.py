"""Passwords cannot be guessed: few are compared, however many come at once, and the owner still gets in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from accounts.tests.factories import PASSWORD, Person
from config.tests import redis
from config.tests.product import Product, started
from conftest import UNHURRIED

LOG_IN = "/api/v1/auth/login"
COMPARED = 10
WRONG = "not the right one"
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def proxied(database: None) -> Iterator[Product]:
    """The product behind one proxy, which says who asks."""
    with started({**UNHURRIED, "TRUSTED_PROXIES": "1"}) as running:
        yield running


@pytest.fixture
def without_redis(database: None, tmp_path: Path) -> Iterator[tuple[Product, redis.Redis]]:
    with redis.running(tmp_path) as own, started({"REDIS_URL": own.url}) as running:
        yield running, own


def log_in(product: Product, email: str, password: str = WRONG, **headers: str) -> httpx2.Response:
    body = {"email": email, "password": password}
    return product.http.post(LOG_IN, json=body, headers=headers, timeout=PATIENCE_SECONDS)


def at_once(product: Product, email: str, times: int = 200) -> Counter[str]:
    """What so many wrong passwords were answered."""

    def one(number: int) -> str:
        return str(log_in(product, email, f"{WRONG} {number}").json()["code"])

    with ThreadPoolExecutor(20) as pool:
        return Counter(pool.map(one, range(times)))


def nobody() -> str:
    return f"{uuid4()}@example.com"


def test_of_two_hundred_at_once_ten_are_compared(product: Product, alice: Person) -> None:
    assert at_once(product, alice.user.email) == {"invalid_credentials": COMPARED, "too_many_attempts": 190}


def test_it_is_the_same_for_an_email_that_nobody_has(product: Product) -> None:
    assert at_once(product, nobody()) == {"invalid_credentials": COMPARED, "too_many_attempts": 190}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["hang", "kill"])
def test_it_holds_with_redis_away(without_redis: tuple[Product, redis.Redis], alice: Person, fault: str) -> None:
    running, own = without_redis
    getattr(own, fault)()

    assert at_once(running, alice.user.email) == {"invalid_credentials": COMPARED, "too_many_attempts": 190}


def test_the_refusal_tells_nothing_of_the_password_and_when_to_come_back(product: Product, alice: Person) -> None:
    at_once(product, alice.user.email, COMPARED)

    wrong, right = log_in(product, alice.user.email), log_in(product, alice.user.email, PASSWORD)

    assert wrong.status_code == right.status_code == 429
    assert 0 < int(right.headers["retry-after"]) <= 15 * 60
    assert right.headers["content-type"] == "application/problem+json"
    assert abs(right.json()["retry_after"] - wrong.json()["retry_after"]) <= 1


@pytest.mark.slow
def test_an_email_with_an_account_and_one_without_are_answered_alike(product: Product, alice: Person) -> None:
    def answers(email: str) -> list[dict[str, Any]]:
        found = [log_in(product, email) for _ in range(COMPARED + 1)]
        return [{**answer.json(), "request_id": "", "retry_after": 0} for answer in found]

    assert answers(alice.user.email) == answers(nobody())


@pytest.mark.slow
def test_the_owner_gets_in_from_another_address(proxied: Product, alice: Person) -> None:
    at_once(proxied, alice.user.email, COMPARED)
    assert log_in(proxied, alice.user.email, PASSWORD).status_code == 429

    answer = log_in(proxied, alice.user.email, PASSWORD, **{"x-forwarded-for": "192.0.2.1"})

    assert answer.status_code == 200


def test_who_claims_to_come_from_elsewhere_is_not_believed(product: Product, alice: Person) -> None:
    codes = Counter(
        log_in(product, alice.user.email, **{"x-forwarded-for": f"192.0.2.{number}"}).json()["code"]
        for number in range(COMPARED + 5)
    )

    assert codes == {"invalid_credentials": COMPARED, "too_many_attempts": 5}


def test_who_writes_left_of_our_proxy_is_not_believed(proxied: Product, alice: Person) -> None:
    codes = Counter(
        log_in(proxied, alice.user.email, **{"x-forwarded-for": f"192.0.2.{number}, 198.51.100.7"}).json()["code"]
        for number in range(COMPARED + 5)
    )

    assert codes == {"invalid_credentials": COMPARED, "too_many_attempts": 5}


def test_other_ways_to_write_an_email_give_no_more_tries(product: Product, alice: Person) -> None:
    email = alice.user.email
    ways = [email, email.upper(), email.title(), f" {email} "]
    codes = Counter(log_in(product, ways[number % 4]).json()["code"] for number in range(COMPARED + 6))

    assert codes == {"invalid_credentials": COMPARED, "too_many_attempts": 6}


def test_a_claim_s_own_password_does_not_help_to_guess_the_owner_s(product: Product, alice: Person) -> None:
    claimed = "a stranger's own words"
    product.http.post("/api/v1/auth/register", json={"email": alice.user.email, "password": claimed})

    answers = []
    for _ in range(3):
        answers += [log_in(product, alice.user.email).json()["code"] for _ in range(COMPARED // 2 - 1)]
        answers.append(log_in(product, alice.user.email, claimed).json().get("code", "in"))

    assert answers.count("in") <= 2
    assert answers.count("invalid_credentials") <= COMPARED
    assert answers[-1] == "too_many_attempts"


def test_a_right_password_begins_anew(product: Product, alice: Person) -> None:
    at_once(product, alice.user.email, COMPARED - 1)

    assert log_in(product, alice.user.email, PASSWORD).status_code == 200

    assert at_once(product, alice.user.email, COMPARED) == {"invalid_credentials": COMPARED}


@pytest.mark.slow
@pytest.mark.parametrize("address", ["/admin/login/", "/api/session/login/"])
def test_the_console_shares_the_guard(product: Product, alice: Person, address: str) -> None:
    with httpx2.Client(base_url=product.url, timeout=60) as browser:
        browser.get(address)

        def submit() -> httpx2.Response:
            form = {
                "username": alice.user.email,
                "password": WRONG,
                "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            }
            return browser.post(address, data=form)

        assert {submit().status_code for _ in range(COMPARED)} == {200}
        refused = submit()

    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60
    assert log_in(product, alice.user.email, PASSWORD).status_code == 429
