"""Rates refuse at exactly their number, say when to come back, and never get in the way when Redis does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from django.conf import settings
from django_ratelimit.core import _get_window

from accounts.addresses import network
from accounts.tests import hurried
from accounts.tests.factories import Person, person
from config.tests import redis
from config.tests.product import Product, eventually, started

LOG_IN = "/api/v1/auth/login"
ONE_PROXY = {"DJANGO_SETTINGS_MODULE": "accounts.tests.hurried", "TRUSTED_PROXIES": "1", "ANTHROPIC_API_KEY": ""}
WINDOW, LONG_ENOUGH = 60, 25


@pytest.fixture(scope="module")
def busy(database: None) -> Iterator[Product]:
    """The product with small rates, behind a proxy."""
    with started(ONE_PROXY) as running:
        yield running


def will_last(subject: str) -> bool:
    """The window that is open for this subject does not close during the test."""
    return bool(_get_window(subject, WINDOW) - time.time() > LONG_ENOUGH)


def somewhere() -> dict[str, str]:
    """An address nobody has asked from."""
    address = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"
    return {"x-forwarded-for": address} if will_last(f"ip {network(address)}") else somewhere()


def somebody() -> Person:
    one = person("Alice")
    return one if will_last(f"account {one.user.id}") else somebody()


@dataclass(frozen=True)
class Ask:
    method: str
    address: str
    body: Any = None

    def of(self, product: Product, headers: dict[str, str]) -> httpx2.Response:
        return product.http.request(self.method, self.address, json=self.body, headers=headers)

    def answered(self, product: Product, headers: dict[str, str]) -> int:
        """How often, before it is refused."""
        for times in range(20):
            if self.of(product, headers).status_code == 429:
                return times
        raise AssertionError("never refused")


COUNT = Ask(
    "POST",
    "/v1/messages/count_tokens",
    {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "How long is this?"}]},
)
REFUSED = Ask("POST", LOG_IN, {})


@pytest.mark.parametrize(
    ("ask", "rate"),
    [
        (Ask("POST", "/api/v1/auth/register", {}), "sign-up"),
        (Ask("POST", LOG_IN, {}), "log-in"),
        (Ask("POST", "/api/v1/auth/refresh", {}), "refresh"),
        (Ask("GET", "/api/schema"), "costly"),
        (Ask("GET", "/api/v1/billing/plans"), "any"),
        (Ask("POST", "/api/v1/auth/password-reset", {}), "letter"),
        (Ask("GET", "/"), "any"),
    ],
)
def test_an_address_is_refused_at_exactly_the_number(busy: Product, ask: Ask, rate: str) -> None:
    assert ask.answered(busy, somewhere()) == hurried.RATES[rate]["ip"]


@pytest.mark.parametrize(
    ("ask", "rate"),
    [(Ask("GET", "/api/v1/auth/me"), "any"), (COUNT, "count-tokens"), (Ask("GET", "/v1/models"), "any")],
)
def test_an_account_is_refused_at_exactly_the_number(busy: Product, ask: Ask, rate: str) -> None:
    assert ask.answered(busy, somebody().headers) == hurried.RATES[rate]["account"]


def test_accounts_at_one_address_are_counted_apart(busy: Product) -> None:
    here, ask = somewhere(), Ask("GET", "/api/v1/auth/me")

    counted = [ask.answered(busy, somebody().headers | here) for _ in range(2)]

    assert counted == [hurried.RATES["any"]["account"]] * 2


def test_an_account_is_counted_wherever_it_is(busy: Product) -> None:
    one, ask = somebody(), Ask("GET", "/api/v1/auth/me")
    ask.answered(busy, one.headers | somewhere())

    assert ask.of(busy, one.headers | somewhere()).status_code == 429


def test_neighbours_in_one_ipv6_network_are_counted_as_one(busy: Product) -> None:
    here = somewhere()
    REFUSED.answered(busy, here)

    assert REFUSED.of(busy, {"x-forwarded-for": here["x-forwarded-for"] + "2"}).status_code == 429
    assert REFUSED.of(busy, somewhere()).status_code == 400


def test_what_a_client_says_of_itself_changes_nothing(busy: Product) -> None:
    here = somewhere()
    REFUSED.answered(busy, here)

    forged = {"x-forwarded-for": f"203.0.113.9, {here['x-forwarded-for']}"}

    assert REFUSED.of(busy, forged).status_code == 429


def test_the_refusal_says_when_to_come_back(busy: Product) -> None:
    here = somewhere()
    REFUSED.answered(busy, here)

    answer = REFUSED.of(busy, here)

    seconds = int(answer.headers["retry-after"])
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["status"]) == ("rate_limited", 429)
    assert answer.json()["retry_after"] == seconds
    assert 0 < seconds <= WINDOW
    assert answer.headers["ratelimit-policy"] == f'"log-in";q={hurried.RATES["log-in"]["ip"]};w=60'
    assert answer.headers["ratelimit"] == f'"log-in";r=0;t={seconds}'


def test_anthropics_sdk_is_refused_in_its_own_shape(busy: Product) -> None:
    one = somebody()
    COUNT.answered(busy, one.headers)

    answer = COUNT.of(busy, one.headers)

    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "rate_limit_error"
    assert answer.headers["x-should-retry"] == "true"
    assert int(answer.headers["retry-after"]) <= WINDOW


def test_model_calls_and_health_are_not_counted(busy: Product) -> None:
    one, here = somebody(), somewhere()
    say = {"model": "claude-sonnet-5-5", "max_tokens": 5, "messages": [{"role": "user", "content": "Hello"}]}

    answers = [Ask("POST", "/v1/messages", say).of(busy, one.headers | here) for _ in range(10)]
    answers += [Ask("GET", "/health/live").of(busy, here) for _ in range(10)]

    assert {answer.status_code for answer in answers} == {200}


def test_fifty_people_sign_up_in_a_minute_at_one_address() -> None:
    assert settings.RATES["sign-up"]["ip"] >= 2 * 50


# ---- Redis away -----------------------------------------------------------------------------------------------------


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[redis.Redis]:
    with redis.running(tmp_path) as running:
        yield running


@pytest.fixture
def unlucky(database: None, own_redis: redis.Redis) -> Iterator[Product]:
    """The product with a Redis that will not last."""
    with started({**ONE_PROXY, "REDIS_URL": own_redis.url}) as running:
        yield running


def seconds_for(times: int, product: Product, headers: dict[str, str]) -> float:
    begun = time.perf_counter()
    answers = [REFUSED.of(product, headers) for _ in range(times)]
    assert {answer.status_code for answer in answers} == {400}
    return time.perf_counter() - begun


@pytest.mark.slow
def test_with_redis_hanging_requests_go_on_and_limits_return_with_it(unlucky: Product, own_redis: redis.Redis) -> None:
    here = somewhere()
    assert REFUSED.answered(unlucky, here) == hurried.RATES["log-in"]["ip"]

    own_redis.hang()

    # One waits a quarter of a second for Redis, the others not at all.
    assert seconds_for(40, unlucky, here) < 40 * 0.25 / 2
    own_redis.go_on()
    eventually(lambda: REFUSED.of(unlucky, here).status_code == 429, within=15)


@pytest.mark.slow
def test_with_redis_gone_requests_go_on(unlucky: Product, own_redis: redis.Redis) -> None:
    own_redis.kill()

    assert seconds_for(40, unlucky, somewhere()) < 40 * 0.25 / 2


@pytest.mark.slow
def test_with_redis_hanging_nobody_waits_for_the_broker(unlucky: Product, own_redis: redis.Redis) -> None:
    own_redis.hang()
    begun = time.perf_counter()

    for _ in range(6):
        ask = Ask("POST", "/api/v1/auth/password-reset", {"email": f"{uuid4().hex}@example.com"})
        assert ask.of(unlucky, somewhere()).status_code == 202

    # The broker alone would take 5 s of each.
    assert time.perf_counter() - begun < 6 * 5 / 2


@pytest.mark.slow
def test_a_product_with_no_redis_at_all_starts_and_answers(database: None, tmp_path: Path) -> None:
    with started({**ONE_PROXY, "REDIS_URL": f"unix://{tmp_path}/none.sock"}) as running:
        seconds_for(10, running, somewhere())


@pytest.mark.slow
def test_they_can_be_switched_off(database: None) -> None:
    with started({**ONE_PROXY, "RATE_LIMITS": "off"}) as running:
        seconds_for(10, running, somewhere())
