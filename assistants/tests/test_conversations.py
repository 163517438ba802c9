"""Conversations as things: listed, named, put away, found again, and nobody else's."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants.conversations import WELCOME
from assistants.models import Conversation, Message
from billing import subscriptions
from config.tests.product import Product

CONVERSATIONS = "/api/v1/assistants/conversations"
NOBODY = uuid.UUID(int=0)


def create(product: Product, person: Person, **asked: Any) -> dict[str, Any]:
    answer = product.http.post(CONVERSATIONS, headers=person.headers, json=asked)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def change(product: Product, person: Person, conversation: dict[str, Any], **asked: Any) -> httpx2.Response:
    return product.http.patch(f"{CONVERSATIONS}/{conversation['id']}", headers=person.headers, json=asked)


def listed(product: Product, person: Person, **query: str) -> list[str]:
    answer = product.http.get(CONVERSATIONS, headers=person.headers, params=query)
    assert answer.status_code == 200, answer.text
    return [conversation["title"] for conversation in answer.json()["results"]]


def said(conversation: dict[str, Any], *texts: str, role: str = "user") -> list[Message]:
    """Each goes on from the one before."""
    fixed = {"conversation_id": conversation["id"], "role": role, "updated_at": now()}
    messages = []
    for text in texts:
        found = Conversation.objects.get(pk=conversation["id"])
        messages.append(Message.objects.create(**fixed, text=text, created_at=now(), parent=found.tip))
        Conversation.objects.filter(pk=found.pk).update(tip=messages[-1])
    return messages


# Beginning


def test_a_conversation_begins_with_the_default_model(product: Product, alice: Person) -> None:
    made = create(product, alice)

    assert set(made) == {"id", "title", "system", "model", "tip_id", "created_at", "updated_at", "archived_at"}
    assert (made["title"], made["system"]) == ("New conversation", "")
    assert (made["model"], made["archived_at"]) == ("claude-sonnet-5-5", None)


def test_a_conversation_begins_as_asked(product: Product, alice: Person) -> None:
    made = create(product, alice, title="Plans", system="Be brief.", model="claude-haiku-5-5")

    assert (made["title"], made["system"], made["model"]) == ("Plans", "Be brief.", "claude-haiku-5-5")


def test_it_begins_with_a_word_of_welcome(product: Product, alice: Person) -> None:
    made = create(product, alice)

    [welcome] = product.http.get(f"{CONVERSATIONS}/{made['id']}/messages", headers=alice.headers).json()["results"]
    assert (welcome["role"], welcome["state"], welcome["text"]) == ("assistant", "completed", WELCOME)
    assert welcome["turn"] is None


@pytest.mark.parametrize(
    ("model", "refusal"),
    [("gpt-4", (404, "model_not_found")), ("claude-opus-5-5", (403, "model_not_in_plan"))],
)
def test_a_model_that_cannot_be_had_is_refused(
    product: Product, alice: Person, model: str, refusal: tuple[int, str]
) -> None:
    answer = product.http.post(CONVERSATIONS, headers=alice.headers, json={"model": model})

    assert (answer.status_code, answer.json()["code"]) == refusal
    assert not Conversation.objects.filter(workspace=alice.workspace).exists()


def test_a_plan_with_every_model_has_the_dear_one(product: Product, alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    assert create(product, alice, model="claude-opus-5-5")["model"] == "claude-opus-5-5"


@pytest.mark.parametrize(
    "asked", [{"title": ""}, {"title": "a" * 201}, {"title": None}, {"system": "a" * 100_001}, {"model": ""}]
)
def test_a_bad_field_is_named(product: Product, alice: Person, asked: dict[str, Any]) -> None:
    answer = product.http.post(CONVERSATIONS, headers=alice.headers, json=asked)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(asked))
    assert not Conversation.objects.filter(workspace=alice.workspace).exists()


# Changing


def test_it_can_be_renamed(product: Product, alice: Person) -> None:
    made = create(product, alice, title="Before")

    assert change(product, alice, made, title="After").json()["title"] == "After"
    assert listed(product, alice) == ["After"]


def test_a_change_leaves_the_rest(product: Product, alice: Person) -> None:
    made = create(product, alice, title="Plans", system="Be brief.")

    changed = change(product, alice, made, system="Be kind.").json()

    assert changed == made | {"system": "Be kind.", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > made["updated_at"]


def test_its_model_can_be_changed(product: Product, alice: Person) -> None:
    made = create(product, alice)

    assert change(product, alice, made, model="claude-haiku-5-5").json()["model"] == "claude-haiku-5-5"


def test_its_model_cannot_become_one_the_plan_does_not_have(product: Product, alice: Person) -> None:
    made = create(product, alice)

    refused = change(product, alice, made, model="claude-opus-5-5", title="Dear")

    assert (refused.status_code, refused.json()["code"]) == (403, "model_not_in_plan")
    assert Conversation.objects.get(pk=made["id"]).title == made["title"]


def test_an_archived_one_is_listed_apart(product: Product, alice: Person) -> None:
    create(product, alice, title="Kept")
    made = create(product, alice, title="Put away")

    assert change(product, alice, made, archived=True).json()["archived_at"]

    assert listed(product, alice) == ["Kept"]
    assert listed(product, alice, archived="true") == ["Put away"]


def test_an_archived_one_can_be_brought_back(product: Product, alice: Person) -> None:
    made = create(product, alice, title="Put away")
    change(product, alice, made, archived=True)

    assert change(product, alice, made, archived=False).json()["archived_at"] is None
    assert listed(product, alice) == ["Put away"]


@pytest.mark.parametrize("asked", [{"title": ""}, {"title": None}, {"archived": "perhaps"}, {"archived": None}])
def test_a_bad_change_is_refused(product: Product, alice: Person, asked: dict[str, Any]) -> None:
    made = create(product, alice)

    refused = change(product, alice, made, **asked)

    assert (refused.status_code, list(refused.json()["errors"])) == (400, list(asked))


@pytest.mark.parametrize("field", ["id", "workspace", "workspace_id", "user", "user_id", "created_at", "deleted_at"])
def test_nothing_else_can_be_changed(product: Product, alice: Person, charlie: Person, field: str) -> None:
    made = create(product, alice)
    before = Conversation.objects.filter(pk=made["id"]).values().get() | {"updated_at": None}

    change(product, alice, made, **{field: str(charlie.workspace.id)})

    assert Conversation.objects.filter(pk=made["id"]).values().get() | {"updated_at": None} == before


# Deleting


def test_a_deleted_one_is_gone(product: Product, alice: Person) -> None:
    made = create(product, alice)
    path = f"{CONVERSATIONS}/{made['id']}"

    assert product.http.delete(path, headers=alice.headers).status_code == 204

    assert listed(product, alice) == []
    for gone in (path, f"{path}/messages", f"{path}/export"):
        assert product.http.get(gone, headers=alice.headers).status_code == 404
    assert product.http.delete(path, headers=alice.headers).status_code == 404


def test_a_deleted_one_is_kept(product: Product, alice: Person) -> None:
    made = create(product, alice)

    product.http.delete(f"{CONVERSATIONS}/{made['id']}", headers=alice.headers)

    kept = Conversation.objects.get(pk=made["id"])
    assert kept.deleted_at is not None
    assert kept.messages.count() == 1


# Finding


def test_the_newest_is_listed_first(product: Product, alice: Person) -> None:
    for title in ("first", "second", "third"):
        create(product, alice, title=title)

    assert listed(product, alice) == ["third", "second", "first"]


def test_the_list_is_paged_by_cursor(product: Product, alice: Person) -> None:
    for number in range(5):
        create(product, alice, title=str(number))

    pages, url = [], f"{CONVERSATIONS}?page_size=2"
    while url:
        page = product.http.get(url, headers=alice.headers).json()
        pages.append([conversation["title"] for conversation in page["results"]])
        url = page["next"]

    assert pages == [["4", "3"], ["2", "1"], ["0"]]


def test_a_page_leads_back(product: Product, alice: Person) -> None:
    for number in range(3):
        create(product, alice, title=str(number))
    first = product.http.get(f"{CONVERSATIONS}?page_size=2", headers=alice.headers).json()

    second = product.http.get(first["next"], headers=alice.headers).json()

    assert (first["previous"], second["next"]) == (None, None)
    assert product.http.get(second["previous"], headers=alice.headers).json()["results"] == first["results"]


def test_a_page_holds_its_place_when_something_is_added(product: Product, alice: Person) -> None:
    for number in range(3):
        create(product, alice, title=str(number))
    first = product.http.get(f"{CONVERSATIONS}?page_size=2", headers=alice.headers).json()
    create(product, alice, title="new")

    [last] = product.http.get(first["next"], headers=alice.headers).json()["results"]

    assert last["title"] == "0"


def test_messages_are_paged_newest_first(product: Product, alice: Person) -> None:
    made = create(product, alice)
    said(made, "one", "two", "three")

    page = product.http.get(f"{CONVERSATIONS}/{made['id']}/messages?page_size=2", headers=alice.headers).json()
    rest = product.http.get(page["next"], headers=alice.headers).json()

    texts = [message["text"] for message in [*page["results"], *rest["results"]]]
    assert texts == ["three", "two", "one", WELCOME]


def test_a_search_looks_into_titles_and_messages(product: Product, alice: Person) -> None:
    create(product, alice, title="About whales")
    said(create(product, alice, title="Animals"), "What does a WHALE eat?", "And whales sleep?")
    create(product, alice, title="Other")

    assert listed(product, alice, search="whale") == ["Animals", "About whales"]


@pytest.mark.parametrize(("words", "found"), [("100%", ["100% sure"]), ("_", []), ("\\", []), ("'", [])])
def test_a_search_takes_every_sign_as_itself(product: Product, alice: Person, words: str, found: list[str]) -> None:
    create(product, alice, title="100% sure")
    create(product, alice, title="100 sure")

    assert listed(product, alice, search=words) == found


def test_a_search_finds_nothing_of_others(product: Product, alice: Person, charlie: Person) -> None:
    said(create(product, alice, title="Whales"), "whales")

    assert listed(product, charlie, search="whale") == listed(product, charlie) == []


# The models to choose from


def test_the_models_of_the_plan_are_listed(product: Product, alice: Person) -> None:
    models = product.http.get("/api/v1/assistants/models", headers=alice.headers).json()

    assert [model["slug"] for model in models] == ["claude-sonnet-5-5", "claude-haiku-5-5"]
    assert set(models[0]) == {"slug", "name", "provider", "context", "max_output"}


# Exports


def test_an_export_is_markdown(product: Product, alice: Person) -> None:
    made = create(product, alice, title="Plans")
    said(made, "Hello ☀")

    answer = product.http.get(f"{CONVERSATIONS}/{made['id']}/export", headers=alice.headers)

    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text == f"# Plans\n\n**Assistant**\n\n{WELCOME}\n\n**User**\n\nHello ☀\n"


def test_an_export_may_be_json(product: Product, alice: Person) -> None:
    made = create(product, alice)
    said(made, "Hello")

    answer = product.http.get(f"{CONVERSATIONS}/{made['id']}/export?as=json", headers=alice.headers).json()

    assert {name: answer[name] for name in made} == made | {"tip_id": answer["messages"][-1]["id"]}
    assert [message["text"] for message in answer["messages"]] == [WELCOME, "Hello"]


# Feedback


def feedback(product: Product, person: Person, conversation: object, message: object, body: object) -> httpx2.Response:
    path = f"{CONVERSATIONS}/{conversation}/messages/{message}/feedback"
    return product.http.put(path, headers=person.headers, json=body)


@pytest.mark.parametrize("thumb", ["up", "down", ""])
def test_a_reply_takes_a_thumb(product: Product, alice: Person, thumb: str) -> None:
    made = create(product, alice)
    [reply] = said(made, "Hi", role="assistant")

    answer = feedback(product, alice, made["id"], reply.id, {"feedback": thumb})

    assert (answer.status_code, answer.json()["feedback"]) == (200, thumb)
    reply.refresh_from_db()
    assert reply.feedback == thumb


@pytest.mark.parametrize("body", [{}, {"feedback": "sideways"}, {"feedback": None}, {"feedback": True}, []])
def test_any_other_thumb_is_refused(product: Product, alice: Person, body: object) -> None:
    made = create(product, alice)
    [reply] = said(made, "Hi", role="assistant")

    assert feedback(product, alice, made["id"], reply.id, body).status_code == 400


def test_what_a_person_said_takes_no_thumb(product: Product, alice: Person) -> None:
    made = create(product, alice)
    [question] = said(made, "Hello")

    assert feedback(product, alice, made["id"], question.id, {"feedback": "up"}).status_code == 404


def test_a_reply_of_another_conversation_takes_no_thumb_here(product: Product, alice: Person) -> None:
    [reply] = said(create(product, alice), "Hi", role="assistant")

    assert feedback(product, alice, create(product, alice)["id"], reply.id, {"feedback": "up"}).status_code == 404


# Nobody else's

ROUTES = [
    ("GET", "", None),
    ("PATCH", "", {"title": "Mine"}),
    ("DELETE", "", None),
    ("GET", "/export", None),
    ("GET", "/export?as=json", None),
    ("GET", "/messages", None),
    ("POST", "/messages", {"text": "Hello"}),
    ("GET", "/messages/{message}/stream", None),
    ("POST", "/messages/{message}/regenerate", {}),
    ("POST", "/messages/{message}/stop", {}),
    ("PUT", "/messages/{message}/feedback", {"feedback": "up"}),
]


@pytest.mark.parametrize(("method", "route", "body"), ROUTES, ids=[f"{method} {route}" for method, route, _ in ROUTES])
def test_another_s_conversation_is_not_found(
    product: Product, alice: Person, charlie: Person, method: str, route: str, body: object
) -> None:
    made = create(product, alice, title="Secret")
    [reply] = said(made, "Secret", role="assistant")
    paths = [f"{CONVERSATIONS}/{owner}{route.format(message=reply.id)}" for owner in (made["id"], NOBODY)]

    theirs, nobodys = (product.http.request(method, path, headers=charlie.headers, json=body) for path in paths)

    assert theirs.status_code == nobodys.status_code == 404
    assert {**theirs.json(), "request_id": ""} == {**nobodys.json(), "request_id": ""}
    assert Conversation.objects.get(pk=made["id"]).title == "Secret"
    assert not charlie.workspace.reservations.exists()


def test_the_table_of_routes_knows_every_route() -> None:
    from assistants.urls import urlpatterns

    known = {route.partition("?")[0].format(message="<uuid:message_id>") for _, route, _ in ROUTES}
    of_one = "assistants/conversations/<uuid:conversation_id>"
    paths = [str(pattern.pattern) for pattern in urlpatterns]
    assert {path.removeprefix(of_one) for path in paths if path.startswith(of_one)} == known


def test_two_streaming_replies_cannot_be(product: Product, alice: Person) -> None:
    made = create(product, alice)
    streaming = {"conversation_id": made["id"], "role": "assistant", "state": "streaming"}
    Message.objects.create(**streaming, created_at=now(), updated_at=now())

    with pytest.raises(IntegrityError, match="one_streaming_message_per_conversation"), transaction.atomic():
        Message.objects.create(**streaming, created_at=now(), updated_at=now())
    Message.objects.filter(**streaming).delete()
