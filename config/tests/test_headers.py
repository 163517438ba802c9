"""What every answer carries, whatever it says."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from django.test import AsyncClient
from pytest_django import Settings

from accounts.tests.factories import Person
from config.tests.product import Product
from conftest import Run
from quotas.models import Decision

MESSAGE = {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
EVIL = "https://evil.example"
OURS = "https://app.example"

Answers = dict[str, httpx2.Response]


@pytest.fixture(scope="module")
def answers(product: Product, database: None) -> Answers:
    """One of each kind."""
    from accounts.tests.factories import person

    alice = person("Alice").headers
    http = product.http
    return {
        "a page": http.get("/", headers={"accept": "text/html"}),
        "health": http.get("/health/"),
        "plans, from REST framework": http.get("/api/v1/billing/plans"),
        "usage, asynchronous": http.get("/api/v1/quotas/usage", headers=alice),
        "a wire answer": http.post("/v1/messages", headers=alice, json=MESSAGE),
        "a wire stream": http.post("/v1/messages", headers=alice, json=MESSAGE | {"stream": True}),
        "not authenticated": http.get("/api/v1/auth/me"),
        "not authenticated, on the wire": http.post("/v1/chat/completions", json={}),
        "not found": http.get("/api/v1/nowhere", headers=alice),
        "no such page": http.get("/nowhere"),
        "wrong method": http.get("/v1/messages", headers=alice),
        "bad request": http.post("/v1/messages", headers=alice, content=b"{"),
        "the console": http.get("/admin/"),
        "the schema": http.get("/api/schema"),
        "the docs": http.get("/api/docs"),
        "preflight": http.options("/v1/messages", headers={"origin": EVIL, "access-control-request-method": "POST"}),
    }


KINDS = [
    "a page", "health", "plans, from REST framework", "usage, asynchronous", "a wire answer", "a wire stream",
    "not authenticated", "not authenticated, on the wire", "not found", "no such page", "wrong method", "bad request",
    "the console", "the schema", "the docs", "preflight",
]  # fmt: skip


def test_the_table_is_whole(answers: Answers) -> None:
    assert list(answers) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_has_a_name(answers: Answers, kind: str) -> None:
    assert re.fullmatch(r"req_[0-9a-f]{32}", answers[kind].headers["x-request-id"])


def test_no_two_answers_have_the_same_name(answers: Answers) -> None:
    assert len({answer.headers["x-request-id"] for answer in answers.values()}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_says_how_long_it_took(answers: Answers, kind: str) -> None:
    headers = answers[kind].headers

    assert 0 < float(headers["x-process-time"]) < 30
    timed = re.fullmatch(r"app;dur=(\d+\.\d)", headers["server-timing"])
    assert timed
    assert float(timed[1]) == pytest.approx(float(headers["x-process-time"]) * 1000, abs=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_safe_in_a_browser(answers: Answers, kind: str) -> None:
    headers = answers[kind].headers

    assert {name: headers.get(name) for name in SECURITY} == SECURITY


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_says_how_long_it_is_unless_it_streams(answers: Answers, kind: str) -> None:
    answer = answers[kind]

    if kind == "a wire stream":
        assert "content-length" not in answer.headers
    else:
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_does_not_say_what_serves_it(answers: Answers, kind: str) -> None:
    assert not {"server", "x-powered-by"} & set(answers[kind].headers)


@pytest.mark.parametrize("name", ["X-Request-ID", "x-request-id", "X_REQUEST_ID"])
def test_a_name_from_the_client_is_not_taken(product: Product, alice: Person, name: str) -> None:
    answer = product.http.post("/v1/messages", headers=alice.headers | {name: "mine"}, json=MESSAGE)

    assert answer.headers["x-request-id"].startswith("req_")
    assert Decision.objects.filter(request_id=answer.headers["x-request-id"], workspace=alice.workspace).exists()
    assert not Decision.objects.filter(request_id="mine").exists()


def test_a_problem_bears_the_answer_s_name(answers: Answers) -> None:
    for kind in ("not authenticated", "not found"):
        assert answers[kind].json()["request_id"] == answers[kind].headers["x-request-id"]


def test_only_pages_with_forms_set_cookies(answers: Answers) -> None:
    with_cookies = [kind for kind, answer in answers.items() if "set-cookie" in answer.headers]

    assert set(with_cookies) <= {"the console", "the docs"}


# Other sites


@pytest.mark.parametrize("path", ["/", "/v1/models", "/api/v1/auth/me", "/api/v1/billing/plans", "/nowhere"])
def test_another_site_is_not_let_in(product: Product, alice: Person, path: str) -> None:
    for headers in ({}, alice.headers):
        answer = product.http.get(path, headers={"origin": EVIL} | headers)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_another_site_s_preflight_is_not_let_in(product: Product, method: str) -> None:
    asked = {"origin": EVIL, "access-control-request-method": method, "access-control-request-headers": "x-api-key"}

    answer = product.http.options("/v1/messages", headers=asked)

    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_an_origin_of_ours_is_let_in(run: Run[Any], settings: Settings, alice: Person) -> None:
    settings.CORS_ALLOWED_ORIGINS = [OURS]

    answer = run(AsyncClient().get("/api/v1/quotas/usage", headers={"origin": OURS} | alice.headers))

    assert answer.status_code == 200
    assert answer["access-control-allow-origin"] == OURS
    assert "X-Request-ID" in answer["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer


def test_an_origin_of_ours_may_send_its_credential(run: Run[Any], settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [OURS]
    sent = "authorization, content-type, x-api-key, anthropic-version, anthropic-beta, last-event-id"
    asked = {"origin": OURS, "access-control-request-method": "POST", "access-control-request-headers": sent}

    answer = run(AsyncClient().options("/v1/messages", headers=asked))

    allowed = {name.strip() for name in answer["access-control-allow-headers"].split(",")}
    assert set(sent.split(", ")) <= allowed


@pytest.mark.parametrize(
    "origin", [EVIL, f"{OURS}.evil.example", "https://app.example:444", "http://app.example", "null"]
)
def test_an_origin_like_ours_is_not_let_in(run: Run[Any], settings: Settings, alice: Person, origin: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = [OURS]

    answer = run(AsyncClient().get("/api/v1/quotas/usage", headers={"origin": origin} | alice.headers))

    assert "access-control-allow-origin" not in answer
