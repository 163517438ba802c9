"""Limits of one key and of one member, as their programs meet them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2

from accounts.models import ApiKey, Membership
from accounts.tests.factories import Person
from config.tests.product import Product
from quotas.models import Bucket
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, with_another_key
from quotas.tests.plans import put_on_plan

MODEL = "claude-sonnet-5-5"
CURRENT = "/api/v1/quotas/usage/current"
BODY = {"model": MODEL, "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}
THREADS = 12


def limit_key(person: Person, **limits: int) -> Person:
    """By policy, with `_` for its `-`."""
    ApiKey.objects.filter(pk=person.caller.key_id or "").update(limits=_by_policy(limits))
    return person


def limit_member(person: Person, **limits: int) -> None:
    membership = Membership.objects.filter(workspace=person.workspace, user=person.user)
    assert membership.update(limits=_by_policy(limits)) == 1


def _by_policy(limits: dict[str, int]) -> dict[str, int]:
    return {name.replace("_", "-"): limit for name, limit in limits.items()}


def ask(product: Product, person: Person, path: str = "/v1/messages") -> httpx2.Response:
    return product.http.post(path, headers=person.headers, json=BODY)


def answered(product: Product, people: Iterable[Person]) -> dict[Person, Counter[int]]:
    """How often each was answered with which status, all asking at the same time."""
    asking = list(people)
    with ThreadPoolExecutor(THREADS) as threads:
        statuses = list(threads.map(lambda person: ask(product, person).status_code, asking))
    found: dict[str, Counter[int]] = {}
    for person, status in zip(asking, statuses, strict=True):
        found.setdefault(person.api_key, Counter())[status] += 1
    return {person: found[person.api_key] for person in asking}


# ---- admission


def test_each_key_stops_at_its_own_limit_and_the_last_at_the_workspace_s(product: Product, alice: Person) -> None:
    put_on_plan(alice, requests_day=10)
    first = limit_key(alice, requests_day=3)
    second = limit_key(with_another_key(alice), requests_day=4)
    third = with_another_key(alice)

    limited = answered(product, [first, second] * 12)
    rest = answered(product, [first, second, third] * 8)

    assert (limited[first], limited[second]) == ({200: 3, 429: 9}, {200: 4, 429: 8})
    assert (rest[first], rest[second], rest[third]) == ({429: 8}, {429: 8}, {200: 3, 429: 5})
    assert [bucket(alice, "requests", **holder).used for holder in _holders(first, second)] == [10, 3, 4]


def _holders(*people: Person) -> list[dict[str, Any]]:
    return [{}, *({"key": person.caller.key_id} for person in people)]


def test_a_member_stops_at_their_limit_over_all_their_keys(product: Product, alice: Person) -> None:
    limit_member(alice, requests_month=5)
    keys = [alice, with_another_key(alice)]

    found = answered(product, keys * 8)

    assert sum((found[person] for person in keys), Counter()) == {200: 5, 429: 11}


def test_who_signed_in_stands_under_the_member_s_limit_too(product: Product, alice: Person) -> None:
    limit_member(alice, requests_day=1)
    assert ask(product, alice).status_code == 200

    refused = product.http.post("/v1/messages", headers=alice.session, json=BODY)

    assert refused.status_code == 429


def test_a_rotated_key_goes_on_where_it_was(product: Product, alice: Person) -> None:
    limit_key(alice, requests_day=1)
    assert ask(product, alice).status_code == 200

    path = f"/api/v1/auth/api-keys/{alice.caller.key_id}/rotate"
    rotated = product.http.post(path, headers=alice.session, json={})
    again = replace(alice, api_key=rotated.json()["key"])

    assert ask(product, again).status_code == 429
    assert Bucket.objects.filter(workspace=alice.workspace, key__isnull=False).count() == 1


# ---- what is said


def test_the_problem_names_the_key_s_limit_and_no_larger_plan(product: Product, alice: Person) -> None:
    limit_key(alice, tokens_day=5)
    made = product.http.post("/api/v1/assistants/conversations", headers=alice.headers, json={}).json()
    path = f"/api/v1/assistants/conversations/{made['id']}/messages"

    answer = product.http.post(path, headers=alice.headers, json={"text": "Hello"})

    problem = answer.json()
    assert (answer.status_code, problem["violated-policies"], problem["limit"]) == (429, ["key-tokens-day"], 5)
    assert "This API key allows 5 tokens a day" in problem["detail"]
    assert "upgrade_url" not in problem
    decision = product.http.get(problem["decision"], headers=alice.headers).json()
    tokens = [limit for limit in decision["limits"] if limit["meter"] == "tokens"]
    assert [(limit["holder"], limit["limit"]) for limit in tokens] == [("workspace", 10_000), ("key", 5)]


def test_anthropic_s_headers_tell_the_tightest_limit(product: Product, alice: Person) -> None:
    limit_key(alice, requests_day=50, tokens_day=1_000_000)

    headers = ask(product, alice).headers

    assert headers["anthropic-ratelimit-requests-limit"] == "50"
    assert headers["anthropic-ratelimit-requests-remaining"] == "49"
    assert headers["anthropic-ratelimit-tokens-limit"] == "10000"


def test_openai_s_headers_tell_the_tightest_limit(product: Product, alice: Person) -> None:
    limit_member(alice, requests_day=50)

    headers = ask(product, alice, "/v1/chat/completions").headers

    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("50", "49")


def test_usage_shows_the_limits_of_who_asks(product: Product, alice: Person) -> None:
    limit_key(alice, tokens_day=1_000, requests_month=9)
    limit_member(alice, tokens_day=20_000)

    answer = product.http.get(CURRENT, headers=alice.headers)
    of_another = product.http.get(CURRENT, headers=with_another_key(alice).headers).json()["limits"]

    shown = [(limit["holder"], limit["meter"], limit["window"], limit["limit"]) for limit in answer.json()["limits"]]
    assert shown == [
        ("workspace", "messages", "day", 50),
        ("workspace", "requests", "day", 100),
        ("workspace", "tokens", "day", 10_000),
        ("member", "tokens", "day", 20_000),
        ("key", "tokens", "day", 1_000),
        ("workspace", "operations", "month", 3),
        ("key", "requests", "month", 9),
    ]
    assert {limit["holder"] for limit in of_another} == {"workspace", "member"}


def test_the_rate_limit_fields_tell_the_tightest_of_each_meter_and_window(product: Product, alice: Person) -> None:
    limit_key(alice, tokens_day=1_000, requests_month=9)
    limit_member(alice, tokens_day=20_000)

    policies = product.http.get(CURRENT, headers=alice.headers).headers["ratelimit-policy"].split(", ")

    assert [policy.partition(";")[0] for policy in policies] == [
        '"messages-day"',
        '"requests-day"',
        '"key-tokens-day"',
        '"operations-month"',
        '"key-requests-month"',
    ]


def test_usage_in_short_is_what_is_left_to_who_asks(product: Product, alice: Person) -> None:
    limit_key(alice, tokens_day=1_000)

    usage = product.http.get("/api/v1/quotas/usage", headers=alice.headers).json()

    assert (usage["token_quota"], usage["remaining"]) == (1_000, 1_000)


def test_a_limit_given_while_a_key_is_in_use_counts_from_then_on(product: Product, alice: Person) -> None:
    assert ask(product, alice).status_code == 200

    limit_key(alice, requests_day=1)

    assert [ask(product, alice).status_code for _ in range(2)] == [200, 429]
