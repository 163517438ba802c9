"""A key that names its models: what it may use, what it is shown, and how it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.timezone import now

from accounts.models import ApiKey
from accounts.tests.factories import Person
from assistants.models import Conversation
from billing import subscriptions
from config.tests.product import Product
from quotas.models import Decision, Reservation
from quotas.tests.ledger import audited as audited

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
CONVERSATIONS = "/api/v1/assistants/conversations"
HELLO = [{"role": "user", "content": "Hello"}]
ANTHROPIC = {"anthropic-version": "2023-06-01"}


@pytest.fixture
def of_haiku(alice: Person) -> Person:
    """Alice, whose key is for one model and for one her plan does not have."""
    return allow(alice, HAIKU, OPUS)


def allow(person: Person, *models: str) -> Person:
    ApiKey.objects.filter(pk=person.caller.key_id or "").update(allowed_models=list(models))
    return person


def post(product: Product, person: Person, path: str, body: dict[str, Any]) -> Any:
    return product.http.post(path, headers=person.headers, json=body)


@pytest.mark.parametrize("stream", [True, False])
def test_messages_refuses_a_model_that_is_not_the_key_s(product: Product, of_haiku: Person, stream: bool) -> None:
    body = {"model": SONNET, "max_tokens": 20, "messages": HELLO, "stream": stream}

    answer = post(product, of_haiku, "/v1/messages", body)

    assert answer.status_code == 403
    assert answer.json() == {
        "type": "error",
        "error": {"type": "permission_error", "message": f"This API key may not use the model {SONNET}."},
        "request_id": answer.headers["x-request-id"],
    }
    assert not Reservation.objects.filter(workspace=of_haiku.workspace).exists()
    assert not Decision.objects.filter(workspace=of_haiku.workspace).exists()


@pytest.mark.parametrize("stream", [True, False])
def test_chat_completions_refuses_it_likewise(product: Product, of_haiku: Person, stream: bool) -> None:
    body = {"model": SONNET, "max_tokens": 20, "messages": HELLO, "stream": stream}

    answer = post(product, of_haiku, "/v1/chat/completions", body)

    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "message": f"This API key may not use the model {SONNET}.",
        "type": "invalid_request_error",
        "param": None,
        "code": "model_not_found",
    }


def test_counting_refuses_it_likewise(product: Product, of_haiku: Person) -> None:
    answer = post(product, of_haiku, "/v1/messages/count_tokens", {"model": SONNET, "messages": HELLO})

    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")


def test_a_conversation_does_not_begin_with_it(product: Product, of_haiku: Person) -> None:
    answer = post(product, of_haiku, CONVERSATIONS, {"model": SONNET})

    assert (answer.status_code, answer.json()["code"]) == (403, "model_not_allowed")
    assert not Conversation.objects.filter(workspace=of_haiku.workspace).exists()


def test_a_conversation_does_not_change_to_it(product: Product, of_haiku: Person) -> None:
    made = post(product, of_haiku, CONVERSATIONS, {}).json()

    answer = product.http.patch(f"{CONVERSATIONS}/{made['id']}", headers=of_haiku.headers, json={"model": SONNET})

    assert (answer.status_code, answer.json()["code"]) == (403, "model_not_allowed")


def test_a_conversation_that_others_began_with_it_does_not_go_on(product: Product, alice: Person) -> None:
    made = post(product, alice, CONVERSATIONS, {"model": SONNET}).json()

    answer = post(product, allow(alice, HAIKU), f"{CONVERSATIONS}/{made['id']}/messages", {"text": "Hello"})

    assert (answer.status_code, answer.json()["code"]) == (403, "model_not_allowed")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_its_own_model_is_answered(product: Product, of_haiku: Person, path: str) -> None:
    answer = post(product, of_haiku, path, {"model": HAIKU, "max_tokens": 20, "messages": HELLO})

    assert answer.status_code == 200


def test_a_model_of_the_key_that_the_plan_does_not_have_is_the_plan_s_refusal(
    product: Product, of_haiku: Person
) -> None:
    answer = post(product, of_haiku, "/v1/messages", {"model": OPUS, "max_tokens": 20, "messages": HELLO})

    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == f"The free plan does not include the model {OPUS}."


def test_a_model_that_nobody_has_is_not_found(product: Product, of_haiku: Person) -> None:
    for path in ("/v1/messages", "/v1/chat/completions", "/v1/messages/count_tokens"):
        body = {"model": "gpt-99", "messages": HELLO} | ({} if path.endswith("tokens") else {"max_tokens": 20})
        assert post(product, of_haiku, path, body).status_code == 404


# ---- what it is shown


def test_the_lists_show_what_both_plan_and_key_have(product: Product, of_haiku: Person) -> None:
    def get(path: str, headers: dict[str, str]) -> Any:
        return product.http.get(path, headers={**of_haiku.headers, **headers}).json()

    assert [model["id"] for model in get("/v1/models", {})["data"]] == [HAIKU]
    assert [model["id"] for model in get("/v1/models", ANTHROPIC)["data"]] == [HAIKU]
    assert [model["slug"] for model in get("/api/v1/assistants/models", {})] == [HAIKU]


@pytest.mark.parametrize("headers", [{}, ANTHROPIC])
def test_one_that_is_not_listed_is_not_found(product: Product, of_haiku: Person, headers: dict[str, str]) -> None:
    statuses = [
        product.http.get(f"/v1/models/{model}", headers={**of_haiku.headers, **headers}).status_code
        for model in (HAIKU, SONNET)
    ]

    assert statuses == [200, 404]


def test_a_conversation_begins_with_the_first_of_the_key_s_models(product: Product, of_haiku: Person) -> None:
    assert post(product, of_haiku, CONVERSATIONS, {}).json()["model"] == HAIKU


def test_a_key_without_any_model_of_the_plan_is_told_so(product: Product, alice: Person) -> None:
    only_opus = allow(alice, OPUS)

    begun = post(product, only_opus, CONVERSATIONS, {})
    listed = product.http.get("/v1/models", headers={**only_opus.headers, **ANTHROPIC})

    assert (begun.status_code, begun.json()["code"]) == (403, "model_not_allowed")
    assert begun.json()["detail"] == "This API key may not use any model of the plan."
    assert listed.json() == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_a_larger_plan_opens_the_rest_of_the_key_s_models(product: Product, of_haiku: Person) -> None:
    subscriptions.put_on_plan(of_haiku.workspace, "starter", at=now())

    shown = product.http.get("/v1/models", headers=of_haiku.headers).json()["data"]

    assert {model["id"] for model in shown} == {HAIKU, OPUS}
