"""What is wrong with a request is said in the shape its endpoint speaks; nothing is stored and nothing charged."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.models import ApiKey, TokenFamily, User
from accounts.tests.factories import PASSWORD, Person, person
from assistants.models import Conversation, CreatorProfile, Job, Message, Project, Task, Turn
from assistants.models import Decision as Decided
from assistants.tests.coached import TEMPLATE, project_of
from assistants.tests.crews import BRIEF
from assistants.tests.standin.client import StandIn
from billing.models import Customer, PackPurchase, Subscription
from config.tests.product import Product
from quotas.models import Decision, Entry, Reservation

MODEL = "claude-sonnet-5-5"
API = "/api/v1"
CONVERSATIONS = f"{API}/assistants/conversations"
COACHING = f"{API}/coaching"
PATIENCE_SECONDS = 10
STRANGER = "nobody@example.com"
MEGABYTE = 1024 * 1024
ANTHROPIC = {"anthropic-version": "2026-10-21"}

Body = dict[str, Any]


# The shapes


def is_problem(answer: httpx2.Response) -> None:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(body)
    assert (body["status"], body["request_id"]) == (answer.status_code, answer.headers["x-request-id"])
    assert body["title"] != "Error"


def is_openai(answer: httpx2.Response) -> None:
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]


def is_anthropic(answer: httpx2.Response) -> None:
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert set(body) == {"type", "error", "request_id"}
    assert set(body["error"]) == {"type", "message"}
    assert (body["type"], body["request_id"]) == ("error", answer.headers["request-id"])


# The endpoints that take a body, each with one that is good


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    good: Body
    shape: Callable[[httpx2.Response], None] = is_problem
    is_async: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path.removeprefix(API)}"


HELLO = [{"role": "user", "content": "Hello"}]
MESSAGES = Endpoint("POST", "/v1/messages", {"model": MODEL, "max_tokens": 9, "messages": HELLO}, is_anthropic, True)
COUNT = Endpoint("POST", "/v1/messages/count_tokens", {"model": MODEL, "messages": HELLO}, is_anthropic, True)
CHAT = Endpoint("POST", "/v1/chat/completions", {"model": MODEL, "messages": HELLO}, is_openai, True)
COACH = Endpoint("POST", f"{COACHING}/projects/{{project}}/chat", {"text": "Hello"}, is_async=True)
SAY = Endpoint("POST", f"{CONVERSATIONS}/{{conversation}}/messages", {"text": "Hello"}, is_async=True)
ENDPOINTS = [
    MESSAGES,
    COUNT,
    CHAT,
    SAY,
    Endpoint("POST", f"{API}/auth/register", {"email": STRANGER, "password": PASSWORD}),
    Endpoint("POST", f"{API}/auth/login", {"email": STRANGER, "password": PASSWORD}),
    Endpoint("POST", f"{API}/auth/refresh", {"refresh": "a.b.c"}),
    Endpoint("POST", f"{API}/auth/logout", {"refresh": "a.b.c"}),
    Endpoint("PATCH", f"{API}/auth/me", {"name": "Alicia"}),
    Endpoint("POST", f"{API}/auth/api-keys", {"name": "laptop"}),
    Endpoint("POST", f"{API}/auth/verify-email", {"key": "a:b:c"}),
    Endpoint("POST", f"{API}/auth/password-reset", {"email": STRANGER}),
    Endpoint("POST", f"{API}/auth/password-reset/confirm", {"key": "a.b", "password": PASSWORD}),
    Endpoint("POST", f"{API}/billing/checkout", {"plan": "team"}),
    Endpoint("POST", f"{API}/billing/packs/operations-50/purchases", {"success_url": "http://localhost:8000/account"}),
    Endpoint("POST", f"{API}/quotas/set-plan", {"plan": "team"}),
    Endpoint("POST", f"{API}/quotas/promotions/redeem", {"code": "WELCOME"}),
    Endpoint("PUT", f"{API}/quotas/top-ups/operations", {"below": 5, "pack": "operations-50"}),
    Endpoint("POST", f"{API}/assistants/strategies", {"brief": BRIEF}),
    Endpoint("POST", f"{API}/assistants/operations/execute", {"type": "market-research", "brief": {}}, is_async=True),
    Endpoint("POST", CONVERSATIONS, {"title": "Plans"}),
    Endpoint("PATCH", f"{CONVERSATIONS}/{{conversation}}", {"title": "Plans"}),
    Endpoint("PUT", f"{CONVERSATIONS}/{{conversation}}/messages/{{message}}/feedback", {"feedback": "up"}),
    COACH,
    Endpoint("PUT", f"{COACHING}/profile", {"niche": "bread"}),
    Endpoint("POST", f"{COACHING}/projects", {"template": TEMPLATE}),
    Endpoint("PATCH", f"{COACHING}/projects/{{project}}", {"title": "Plans"}),
    Endpoint("PATCH", f"{COACHING}/projects/{{project}}/tasks/interview-followers", {"done": True}),
    Endpoint("POST", f"{COACHING}/projects/{{project}}/decisions", {"category": "pricing", "text": "$29"}),
    Endpoint("POST", f"{COACHING}/projects/{{project}}/deliverables", {"type": "?"}),
]
# One of every kind of view; the others read bodies by the same parser, and are asked by `make test-all`.
KINDS = [MESSAGES.path, CHAT.path, SAY.path, f"{API}/auth/register"]
SYNC = [endpoint for endpoint in ENDPOINTS if not endpoint.is_async]


IN_WORKSPACE = "workspace_id = %(workspace)s"
IN_PROJECT = f"project_id IN (SELECT id FROM {Project._meta.db_table} WHERE {IN_WORKSPACE})"
HERS = {
    **{
        kind._meta.db_table: IN_WORKSPACE
        for kind in (
            Reservation,
            Decision,
            Turn,
            Conversation,
            Job,
            Project,
            ApiKey,
            Customer,
            PackPurchase,
            Subscription,
        )
    },
    Entry._meta.db_table: f"reservation_id IN (SELECT id FROM {Reservation._meta.db_table} WHERE {IN_WORKSPACE})",
    Task._meta.db_table: IN_PROJECT,
    Decided._meta.db_table: IN_PROJECT,
    CreatorProfile._meta.db_table: "user_id = %(user)s",
    Message._meta.db_table: f"conversation_id IN (SELECT id FROM {Conversation._meta.db_table} WHERE {IN_WORKSPACE})",
    TokenFamily._meta.db_table: "user_id = %(user)s",
    User._meta.db_table: "id = %(user)s OR email = %(stranger)s",
}
# One query, for it is asked after each of hundreds of requests.
BELONGINGS = " UNION ALL ".join(
    f"SELECT '{table}', found::text FROM {table} AS found WHERE {whose}" for table, whose in HERS.items()
)


@dataclass(frozen=True)
class Alice:
    """She has a conversation with a reply in it."""

    person: Person
    session: dict[str, str]
    conversation: Conversation
    message: Message
    project: Project

    def headers_for(self, endpoint: Endpoint) -> dict[str, str]:
        """A key does for most; about the person behind it only a log-in has a say."""
        return self.session if endpoint.path.endswith("/auth/me") else self.person.headers

    def send(self, product: Product, endpoint: Endpoint, body: object, **headers: str) -> httpx2.Response:
        content = body if isinstance(body, bytes) or not isinstance(body, dict | list) else json.dumps(body).encode()
        path = endpoint.path.format(conversation=self.conversation.id, message=self.message.id, project=self.project.pk)
        sent = {"content-type": "application/json"} | self.headers_for(endpoint) | headers
        return product.http.request(
            endpoint.method,
            path,
            headers=sent,
            content=content,  # type: ignore[arg-type]  # bytes, or an iterator of them
            timeout=PATIENCE_SECONDS,
        )

    def belongings(self) -> list[tuple[str, str]]:
        """All that a request might have left behind, each row with its table."""
        whose: dict[str, Any] = {
            "workspace": self.person.workspace.id,
            "user": self.person.user.id,
            "stranger": STRANGER,
        }
        with connection.cursor() as cursor:
            cursor.execute(BELONGINGS, whose)
            return sorted(cursor.fetchall())


@pytest.fixture(scope="module")
def owner(database: None) -> Alice:
    alice = person("Alice")
    ApiKey.objects.filter(user=alice.user).update(last_used_at=now() + timedelta(days=1))  # It is not written again.
    conversation = Conversation.objects.create(workspace=alice.workspace, user=alice.user, model=MODEL)
    message = conversation.messages.create(role="assistant", text="Hi", created_at=now(), updated_at=now())
    return Alice(alice, alice.session, conversation, message, project_of(alice))


@pytest.fixture
def alice(owner: Alice) -> Iterator[Alice]:
    """She has after every test what she had before."""
    before = owner.belongings()
    yield owner
    assert owner.belongings() == before


def refused(answer: httpx2.Response, status: int, endpoint: Endpoint) -> None:
    assert answer.status_code == status, answer.text
    endpoint.shape(answer)


# Bodies that nothing can be made of


def big(body: bytes) -> bytes:
    return b'{"text": "' + b"a" * (10 * MEGABYTE) + b'", ' + body[1:]


def in_chunks(body: bytes) -> Iterator[bytes]:
    """Sent without a Content-Length."""
    for start in range(0, len(body), MEGABYTE):
        yield body[start : start + MEGABYTE]


BODIES: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"hello",
    "cut off": b'{"text": "Hel',
    "a list": b"[]",
    "text": b'"hello"',
    "null": b"null",
    "a number": b"1",
    "NUL, escaped": rb'{"text": "a\u0000b"}',
    "NUL, escaped, as a name": rb'{"a\u0000b": 1}',
    "NUL, raw": b'{"text": "a\x00b"}',
    "half a surrogate pair": rb'{"text": "\ud800"}',
    "the other half": rb'{"text": "\uDFFF"}',
    "half a surrogate pair in UTF-8": b'{"text": "\xed\xa0\x80"}',
    "bad UTF-8": b'{"text": "\xff\xfe"}',
    "UTF-16": '{"text": "Hello"}'.encode("utf-16"),
    "UTF-16 with a NUL": rb'{"text": "\u0000"}'.decode().encode("utf-16-le"),
    "UTF-32": '{"text": "Hello"}'.encode("utf-32"),
    "a byte order mark": b'\xef\xbb\xbf{"text": "Hello"}',
    "NaN": b'{"text": NaN}',
    "Infinity": b'{"text": -Infinity}',
    "a number beyond all numbers": b'{"text": 1e999}',
    "an integer of 5,000 digits": b'{"text": ' + b"9" * 5_000 + b"}",
    "100,000 lists deep": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects deep": b'{"text": ' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 lists deep, never closed": b"[" * 100_000,
    "101 lists deep": b'{"text": ' + b"[" * 101 + b"]" * 101 + b"}",
    "two objects": b"{}{}",
    "single quotes": b"{'text': 'Hello'}",
}


NEED_NO_BODY = {
    "POST /assistants/conversations",
    "PATCH /assistants/conversations/{conversation}",
    "PATCH /auth/me",
    "PUT /coaching/profile",
    "PATCH /coaching/projects/{project}",
    "PATCH /coaching/projects/{project}/tasks/interview-followers",
    "POST /billing/packs/operations-50/purchases",
}
UNREADABLE = [
    pytest.param(endpoint, body, marks=[] if endpoint.path in KINDS else pytest.mark.slow)
    for endpoint in ENDPOINTS
    for body in BODIES
    if not (body == "empty" and str(endpoint) in NEED_NO_BODY)
]


@pytest.mark.parametrize(("endpoint", "body"), UNREADABLE, ids=str)
def test_a_body_nothing_can_be_made_of_is_refused(
    product: Product, alice: Alice, endpoint: Endpoint, body: str
) -> None:
    refused(alice.send(product, endpoint, BODIES[body]), 400, endpoint)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_ten_megabytes_are_too_large(product: Product, alice: Alice, endpoint: Endpoint) -> None:
    body = big(json.dumps(endpoint.good).encode())

    refused(alice.send(product, endpoint, body), 413, endpoint)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_ten_megabytes_are_too_large_where_no_length_was_said(
    product: Product, alice: Alice, endpoint: Endpoint
) -> None:
    body = in_chunks(big(json.dumps(endpoint.good).encode()))

    refused(alice.send(product, endpoint, body), 413, endpoint)


def test_a_body_whose_length_was_not_said_is_read(product: Product, owner: Alice) -> None:
    answer = owner.send(product, ENDPOINTS[8], in_chunks(b'{"name": "Alicia"}'))

    assert (answer.status_code, answer.json()["name"]) == (200, "Alicia")


# What each endpoint cannot take


def message(**change: Any) -> Body:
    return {"messages": [{"role": "user", "content": "Hello"} | change]}


def blocks(*content: object) -> Body:
    return {"messages": [{"role": "user", "content": list(content)}]}


NO_AMOUNTS: list[object] = [-1, 0, True, "9", 1.5, [], {}, -(10**30)]
MAX_TOKENS: list[Body] = [{"max_tokens": wrong} for wrong in NO_AMOUNTS]
OF_BOTH: list[Body] = [
    {"model": ...},
    {"model": 5},
    {"model": None},
    {"model": []},
    {"messages": ...},
    {"messages": None},
    {"messages": []},
    {"messages": {}},
    {"messages": "Hello"},
    {"messages": [5]},
    {"messages": [None]},
    {"messages": [[]]},
    message(role="robot"),
    message(role=5),
    message(role=[]),
    message(role={}),
    message(role=None),
    message(content=""),
    message(content=[]),
    message(content=None),
    message(content=5),
    message(content={}),
    blocks(5),
    blocks("Hello"),
    blocks(None),
    blocks({}),
    blocks({"text": "Hello"}),
    blocks({"type": "text"}),
    blocks({"type": "text", "text": 5}),
    blocks({"type": 5}),
    blocks({"type": []}),
    {"stream": "yes"},
    {"stream": 5},
    {"stream": []},
    {"tools": 5},
    {"tools": "all"},
    {"tools": [5]},
    {"tools": [{}]},
    {"tool_choice": 5},
    {"tool_choice": []},
    {"unknown": 1},
    {"": 1},
]
OF_OPENAI: list[Body] = [
    {"max_completion_tokens": -1},
    {"max_completion_tokens": False},
    {"stream_options": 5},
    {"stream_options": "all"},
    {"stop": 5},
    {"stop": [5]},
    {"stop": {"at": 5}},
    {"n": 2},
    {"n": 0},
    {"n": []},
    {"user": 5},
    {"response_format": 5},
    {"response_format": {"type": "xml"}},
    {"response_format": {"type": "json_schema"}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
    {"reasoning_effort": "much"},
    {"reasoning_effort": 5},
    {"reasoning_effort": []},
    {"reasoning_effort": {}},
    {"tools": [{"type": "function", "function": {"name": 5}}]},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}]},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": "text"}}]},
    blocks({"type": "image_url", "image_url": 5}),
    blocks({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}),
    blocks({"type": "image_url", "image_url": {"url": 5}}),
    message(role="assistant", tool_calls=5),
    message(role="assistant", tool_calls="call"),
    message(role="assistant", tool_calls=[5]),
    message(role="assistant", tool_calls={}, content=None),
    message(role="assistant", tool_calls=[{"id": "1", "function": {"name": "f", "arguments": "no"}}]),
    message(role="assistant", tool_calls=[{"id": "1", "function": {"name": "f", "arguments": "[]"}}]),
    message(role="assistant", tool_calls=[{"id": "1", "function": {"name": "f", "arguments": "[" * 100_000}}]),
    message(role="tool"),
    message(role="tool", tool_call_id=5),
    message(role="system", content=5),
    message(role="system"),
    message(role="system", content=[{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]),
]
OF_ANTHROPIC: list[Body] = [
    {"system": 5},
    {"system": {}},
    {"metadata": 5},
    {"stop_sequences": 5},
    {"stop_sequences": "stop"},
    {"tools": [{"name": "f", "input_schema": 5}]},
    {"tools": [{"name": 5, "input_schema": {}}]},
]
LEFT_TO_THE_PROVIDER: list[Body] = [
    {"stop_sequences": [5]},
    {"thinking": 5},
    {"thinking": {"type": "smell"}},
    {"tool_choice": {"type": "smell"}},
    {"tool_choice": {"type": "tool"}},
    {"tools": [{"name": "f", "input_schema": {"type": "object", "properties": 5}}]},
    {"tools": [{"name": "f", "input_schema": {"type": "object", "required": 5}}]},
    {"tools": [{"name": "f", "input_schema": {"type": "object", "properties": {"a": 5}, "required": ["a"]}}]},
    {"tools": [{"name": "f", "input_schema": {"type": []}}], "tool_choice": {"type": "tool", "name": []}},
    {"output_config": 5},
    {"cache_control": []},
    blocks({"type": "smell"}),
    blocks({"type": "tool_result"}),
    blocks({"type": "tool_result", "tool_use_id": 5, "content": 5}),
    blocks({"type": "tool_result", "tool_use_id": "1", "content": [5, {}, {"type": "text", "text": 5}]}),
    blocks({"type": "tool_use", "id": 5, "name": [], "input": 5}),
    blocks({"type": "image"}),
    blocks({"type": "image", "source": 5}),
    blocks({"type": "thinking", "thinking": 5}),
]
OF_SAY: list[Body] = [
    {"text": ...},
    {"text": None},
    {"text": ""},
    {"text": " \n"},
    {"text": 5},
    {"text": []},
    {"text": {}},
    {"text": "a" * 100_001},
    {"max_tokens": None},
]
WRONG: list[tuple[Endpoint, Body]] = [
    *((MESSAGES, change) for change in [*OF_BOTH, *OF_ANTHROPIC, *MAX_TOKENS, {"max_tokens": ...}]),
    *((COUNT, change) for change in OF_BOTH if "stream" not in change),
    *((CHAT, change) for change in [*OF_BOTH, *OF_OPENAI, *MAX_TOKENS]),
    *((SAY, change) for change in [*OF_SAY, *MAX_TOKENS]),
]
WRONG_IDS = [f"{endpoint} {change!s:.90}" for endpoint, change in WRONG]


def changed(endpoint: Endpoint, change: Body) -> Body:
    return {name: value for name, value in (endpoint.good | change).items() if value is not ...}


@pytest.mark.parametrize(("endpoint", "change"), WRONG, ids=WRONG_IDS)
def test_a_field_that_is_wrong_is_refused(
    demo_product: Product, alice: Alice, endpoint: Endpoint, change: Body
) -> None:
    answer = alice.send(demo_product, endpoint, changed(endpoint, change))

    refused(answer, 400, endpoint)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("change", LEFT_TO_THE_PROVIDER, ids=repr)
def test_what_is_left_to_the_provider_to_judge_is_no_fault_of_ours(
    demo_product: Product, owner: Alice, change: Body, stream: bool
) -> None:
    answer = owner.send(demo_product, MESSAGES, MESSAGES.good | change | {"stream": stream})

    if answer.status_code != 200:
        refused(answer, 400, MESSAGES)
    assert not Reservation.objects.filter(workspace=owner.person.workspace, state="pending").exists()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", [MESSAGES, CHAT], ids=str)
def test_what_the_provider_refuses_is_passed_on_and_free(
    product: Product, charlie: Person, owner: Alice, endpoint: Endpoint, stream: bool
) -> None:
    body = changed(endpoint, message(content="[[status=400]]") | {"stream": stream})

    refused(owner.send(product, endpoint, body, **charlie.headers), 400, endpoint)
    assert list(charlie.workspace.reservations.values_list("state", flat=True)) == ["released"]
    assert not Entry.objects.filter(reservation__workspace=charlie.workspace).exists()


@pytest.mark.parametrize("endpoint", [MESSAGES, COUNT, CHAT], ids=str)
@pytest.mark.parametrize("model", ["gpt-4", "", "claude-sonnet-5-5 ", "a" * 10_000, "/../", "☀"])
def test_an_unknown_model_is_not_found(product: Product, alice: Alice, endpoint: Endpoint, model: str) -> None:
    empty_is_no_model = endpoint is CHAT and not model

    refused(
        alice.send(product, endpoint, endpoint.good | {"model": model}), 400 if empty_is_no_model else 404, endpoint
    )


@pytest.mark.parametrize("endpoint", [MESSAGES, CHAT], ids=str)
def test_a_model_the_plan_does_not_have_is_refused(product: Product, alice: Alice, endpoint: Endpoint) -> None:
    refused(alice.send(product, endpoint, endpoint.good | {"model": "claude-opus-5-5"}), 403, endpoint)


@pytest.mark.parametrize("endpoint", [MESSAGES, CHAT, SAY], ids=str)
def test_a_huge_wish_becomes_what_the_model_and_the_plan_allow(
    product: Product, standin: StandIn, owner: Alice, endpoint: Endpoint
) -> None:
    tag = f"huge-{ENDPOINTS.index(endpoint)}"
    said = {"text": f"[[tag={tag}]]"} if endpoint is SAY else message(content=f"[[tag={tag}]]")

    answer = owner.send(product, endpoint, endpoint.good | said | {"max_tokens": 10**30})

    assert answer.status_code in (200, 201), answer.text
    [call] = standin.bill(tag)
    assert call.max_tokens is not None
    assert 0 < call.max_tokens <= 10_000


# Addresses, methods, types, questions


@pytest.mark.parametrize("endpoint", [SAY, *SYNC[-2:]], ids=str)
@pytest.mark.parametrize("unknown", ["00000000-0000-0000-0000-000000000000", "5", "abc", "%00", "..", "é"])
def test_a_conversation_that_is_none_is_not_found(
    product: Product, alice: Alice, endpoint: Endpoint, unknown: str
) -> None:
    path = endpoint.path.replace("{conversation}", unknown).replace("{message}", str(alice.message.id))
    answer = product.http.request(endpoint.method, path, headers=alice.headers_for(endpoint), json=endpoint.good)

    refused(answer, 404, endpoint)


@pytest.mark.parametrize("endpoint", [SAY, *SYNC[-2:]], ids=str)
def test_another_s_conversation_is_not_found(
    product: Product, alice: Alice, charlie: Person, endpoint: Endpoint
) -> None:
    answer = alice.send(product, endpoint, endpoint.good, **charlie.headers)

    refused(answer, 404, endpoint)
    assert not charlie.workspace.reservations.exists()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_method_an_address_does_not_take_is_refused(product: Product, alice: Alice, endpoint: Endpoint) -> None:
    path = endpoint.path.format(conversation=alice.conversation.id, message=alice.message.id, project=alice.project.pk)
    unheard_of = product.http.request("PROPFIND", path, headers=alice.person.headers)
    allowed = unheard_of.headers["allow"].split(", ")

    refused(unheard_of, 405, endpoint)
    assert endpoint.method in allowed
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(allowed):
        refused(product.http.request(method, path, headers=alice.person.headers), 405, endpoint)


@pytest.mark.parametrize(
    ("path", "headers", "shape"),
    [
        ("/api/v1/nowhere", {}, is_problem),
        ("/api/v1/", {}, is_problem),
        ("/api/v1/auth/me/", {}, is_problem),
        ("/api/v1/billing/plans/nowhere", {}, is_problem),
        ("/api/v1/assistants/conversations/5", {}, is_problem),
        ("/api/v1/%00", {}, is_problem),
        ("/v1/nowhere", {}, is_openai),
        ("/v1/nowhere", ANTHROPIC, is_anthropic),
        ("/v1/messages/nowhere", {}, is_anthropic),
        ("/v1/chat", {}, is_openai),
        ("/v1/models/nowhere", {}, is_openai),
        ("/v1/models/nowhere", ANTHROPIC, is_anthropic),
        ("/v1/models/%00", {}, is_openai),
    ],
)
def test_an_unknown_address_is_not_found(
    product: Product,
    alice: Alice,
    path: str,
    headers: dict[str, str],
    shape: Callable[[httpx2.Response], None],
) -> None:
    answer = product.http.get(path, headers=alice.person.headers | headers)

    assert answer.status_code == 404
    shape(answer)


@pytest.mark.parametrize("endpoint", SYNC, ids=str)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"]
)
def test_a_body_of_another_type_is_refused(product: Product, alice: Alice, endpoint: Endpoint, kind: str) -> None:
    answer = alice.send(product, endpoint, endpoint.good, **{"content-type": kind})

    refused(answer, 415, endpoint)


@pytest.mark.parametrize("accept", ["application/xml", "image/png", "*"])
def test_a_type_nothing_can_be_answered_in_is_refused(product: Product, alice: Alice, accept: str) -> None:
    answer = product.http.get(f"{API}/auth/me", headers=alice.person.headers | {"accept": accept})

    assert answer.status_code == 406
    is_problem(answer)


def cursor(position: str) -> str:
    return base64.b64encode(position.encode()).decode()


@pytest.mark.parametrize(
    "query",
    [
        {"search": "\x00"},
        {"search": "a\x00b"},
        {"cursor": "abc"},
        {"cursor": "☀"},
        {"cursor": "\x00"},
        {"cursor": cursor("p=yesterday")},
        {"cursor": cursor("p=\x00")},
        {"cursor": cursor("p=99999-01-01")},
        {"cursor": cursor("p=2026-02-30 00:00:00+00:00")},
        {"cursor": cursor("o=-1")},
        {"cursor": cursor("o=99999999999999999999")},
        {"cursor": cursor("r=1&p=")},
        {"page_size": "-1"},
        {"page_size": "all"},
        {"page_size": "9" * 5_000},
        {"archived": "\x00"},
        {"format": "\x00"},
        {"as": "\x00"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", [CONVERSATIONS, f"{CONVERSATIONS}/{{conversation}}/messages", f"{API}/auth/api-keys"])
def test_a_bad_question_is_no_fault_of_ours(product: Product, alice: Alice, path: str, query: dict[str, str]) -> None:
    found = path.format(conversation=alice.conversation.id)

    answer = product.http.get(found, headers=alice.person.headers, params=query)

    if answer.status_code != 200:
        assert answer.status_code in (400, 404), answer.text
        is_problem(answer)


@pytest.mark.parametrize("path", ["/api/v1/auth/me", f"{CONVERSATIONS}?page_size=1", "/api/v1/quotas/usage"])
def test_another_host_is_no_fault_of_ours(product: Product, alice: Alice, path: str) -> None:
    answer = product.http.get(path, headers=alice.person.headers | {"host": "evil.example"})

    assert answer.status_code < 500
    assert "evil.example" not in answer.text


def test_an_error_in_a_browser_is_a_page(product: Product) -> None:
    answer = product.http.get(f"{API}/auth/me", headers={"accept": "text/html"})

    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html") == answer.text.lstrip().startswith("<!DOCTYPE html>")
