"""Model calls a minute: exactly as many as the plan says, on whichever road, and every answer tells what is left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from django.utils.timezone import now
from django_ratelimit.core import _get_window

from accounts.tests.factories import Person, person
from assistants.tests.roads import CHAT, CONVERSATION, MESSAGES, ROADS, Road
from billing import subscriptions
from billing.models import Plan, PlanLimit
from config.tests import redis
from config.tests.product import Product, started
from quotas.models import Decision, Reservation

PACE, TOKENS = 3, 5_000
WINDOW, LONG_ENOUGH = 60, 20
KEYLESS = {"ANTHROPIC_API_KEY": "", "DEMO_GAP_SECONDS": "0"}


@pytest.fixture(scope="module")
def hurried(database: None) -> Iterator[Product]:
    """The product with its rates on."""
    with started(KEYLESS) as running:
        yield running


def put_on_plan(somebody: Person, a_minute: int | None) -> Person:
    plan = Plan.objects.create(
        slug=f"pace-{uuid4().hex[:12]}", name="Pace", rank=99, is_offered=False, requests_per_minute=a_minute
    )
    for meter, limit in (("tokens", TOKENS), ("requests", 100), ("messages", 50)):
        PlanLimit.objects.create(plan=plan, meter=meter, window="day", limit=limit)
    subscriptions.put_on_plan(somebody.workspace, plan.slug, at=now())
    return somebody


@pytest.fixture
def alice(database: None) -> Person:
    """Her minute does not end during the test."""
    somebody = person("Alice")
    while _get_window(str(somebody.workspace.id), WINDOW) - time.time() < LONG_ENOUGH:
        somebody = person("Alice")
    return put_on_plan(somebody, PACE)


def call(product: Product, road: Road, somebody: Person, *, stream: bool = False) -> Callable[[], httpx2.Response]:
    """Ready to be made, from a thread that has no database."""
    path, body = road.path(somebody), road.body("Hello", max_tokens=9, stream=stream)
    headers = somebody.headers | ({"accept": "text/event-stream"} if stream else {})
    return lambda: product.http.post(path, headers=headers, json=body)


def fields(said: str) -> dict[str, dict[str, Any]]:
    """The policies of a RateLimit field, each with its parameters."""
    policies = (policy.split(";") for policy in said.split(", "))
    return {name.strip('"'): dict(part.split("=") for part in parts) for name, *parts in policies}


def left(headers: Mapping[str, str]) -> dict[str, int]:
    return {policy: int(state["r"]) for policy, state in fields(headers["ratelimit"]).items()}


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_of_ten_at_once_exactly_the_plan_s_number_is_admitted(hurried: Product, alice: Person, road: Road) -> None:
    calls = [call(hurried, road, alice) for _ in range(10)]

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda one: one(), calls))

    assert Counter(answer.is_success for answer in answers) == {True: PACE, False: 10 - PACE}
    assert {answer.status_code for answer in answers if not answer.is_success} == {429}
    # Who is refused leaves nothing in the ledger.
    assert Decision.objects.filter(workspace=alice.workspace).count() == PACE
    assert Reservation.objects.filter(workspace=alice.workspace).count() == PACE


def test_the_roads_share_one_number_and_workspaces_none(hurried: Product, alice: Person) -> None:
    assert [call(hurried, road, alice)().is_success for road in ROADS] == [True] * PACE

    assert [call(hurried, road, alice)().status_code for road in ROADS] == [429] * len(ROADS)
    assert call(hurried, MESSAGES, put_on_plan(person("Bob"), PACE))().is_success


def test_a_plan_without_a_number_lets_everything_pass(hurried: Product) -> None:
    unhurried = put_on_plan(person("Alice"), None)

    answers = [call(hurried, MESSAGES, unhurried)() for _ in range(2 * PACE)]

    assert all(answer.is_success for answer in answers)
    assert "requests-minute" not in answers[0].headers["ratelimit"]


REFUSALS: dict[Road, Callable[[Any], tuple[object, ...]]] = {
    MESSAGES: lambda body: (body["type"], body["error"]["type"]),
    CHAT: lambda body: (body["error"]["type"], body["error"]["code"]),
    CONVERSATION: lambda body: (body["code"], body["violated-policies"]),
}
WORDS = {
    MESSAGES: ("error", "rate_limit_error"),
    CHAT: ("rate_limit_exceeded", "rate_limit_exceeded"),
    CONVERSATION: ("rate_limited", ["requests-minute"]),
}


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_a_refusal_has_the_road_s_shape_and_says_when_to_come_back(hurried: Product, alice: Person, road: Road) -> None:
    for _ in range(PACE):
        call(hurried, MESSAGES, alice)()

    answer = call(hurried, road, alice)()

    assert REFUSALS[road](answer.json()) == WORDS[road]
    assert answer.headers["x-should-retry"] == "true"
    wait = int(answer.headers["retry-after"])
    assert LONG_ENOUGH / 2 < wait <= WINDOW
    state = fields(answer.headers["ratelimit"])["requests-minute"]
    assert state["r"] == "0"
    assert abs(int(state["t"]) - wait) <= 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("road", ROADS, ids=str)
def test_an_answer_says_what_is_left_of_the_minute(hurried: Product, alice: Person, road: Road, stream: bool) -> None:
    said = call(hurried, road, alice, stream=stream)().headers

    policy = fields(said["ratelimit-policy"])["requests-minute"]
    state = fields(said["ratelimit"])["requests-minute"]
    assert policy == {"q": str(PACE), "u": '"requests"', "w": "60"}
    assert state["r"] == str(PACE - 1)
    assert LONG_ENOUGH / 2 < int(state["t"]) <= WINDOW
    if road is CHAT:
        limits = [said[f"x-ratelimit-{what}-requests"] for what in ("limit", "remaining", "reset")]
        assert limits[:2] == ["3", "2"]
        assert limits[2] in ("1m0s", *(f"{seconds}s" for seconds in range(WINDOW)))
    if road is MESSAGES:
        limits = [said[f"anthropic-ratelimit-requests-{what}"] for what in ("limit", "remaining", "reset")]
        assert limits[:2] == ["3", "2"]
        assert timedelta() < datetime.fromisoformat(limits[2]) - now() <= timedelta(seconds=WINDOW + 1)


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_what_a_whole_answer_says_is_left_is_what_the_ledger_says(hurried: Product, alice: Person, road: Road) -> None:
    said = call(hurried, road, alice)().headers

    current = hurried.http.get("/api/v1/quotas/usage/current", headers=alice.headers).headers
    told, kept = left(said), left(current)
    assert told.pop("requests-minute") == PACE - 1
    # A wire call is no message, and so says nothing of how many are left.
    assert told == {policy: kept[policy] for policy in told}
    assert set(told) >= {"requests-day", "tokens-day"}
    assert 0 < told["tokens-day"] < TOKENS
    remaining = str(told["tokens-day"])
    if road is CHAT:
        assert said["x-ratelimit-remaining-tokens"] == remaining
    if road is MESSAGES:
        names = ("tokens", "input-tokens", "output-tokens")
        assert [said[f"anthropic-ratelimit-{name}-remaining"] for name in names] == [remaining] * 3


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_an_answer_that_failed_says_what_is_left_too(product: Product, alice: Person, road: Road) -> None:
    body = road.body("[[status=500]]", max_tokens=9, stream=False)

    answer = product.http.post(road.path(alice), headers=alice.headers, json=body)

    assert answer.status_code == 502
    assert fields(answer.headers["ratelimit"])["tokens-day"]["r"] == str(TOKENS)


@pytest.mark.slow
def test_with_redis_gone_nobody_is_refused(database: None, tmp_path: Path, alice: Person) -> None:
    with redis.running(tmp_path) as own, started({**KEYLESS, "REDIS_URL": own.url}) as running:
        assert [call(running, MESSAGES, alice)().is_success for _ in range(PACE + 1)] == [True] * PACE + [False]
        own.kill()

        answers = [call(running, MESSAGES, alice)() for _ in range(2 * PACE)]

    assert all(answer.is_success for answer in answers)
    assert "requests-minute" not in answers[0].headers["ratelimit"]
