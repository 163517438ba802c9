"""A conversation parts into branches: by a reply made again, by a question put otherwise."""

from __future__ import annotations

import uuid
from io import BytesIO
from typing import Any

import httpx2
import pytest
from django.utils.timezone import now
from pypdf import PdfReader

from accounts import erasure
from accounts.audit import SYSTEM
from accounts.models import Membership, Workspace
from accounts.tests.factories import Person, person
from assistants.conversations import WELCOME
from assistants.models import Conversation, Message
from assistants.tests.test_conversation_turns import CONVERSATIONS, NAMES, SSE, Talk, events, sent, text_of
from assistants.tests.test_conversation_turns import talk as talk
from config.tests.product import Product


def regenerate(talk: Talk, message: object, **asked: Any) -> httpx2.Response:
    return talk.product.http.post(f"{talk.messages}/{message}/regenerate", headers=talk.person.headers, json=asked)


def shown(talk: Talk, **query: str) -> list[dict[str, Any]]:
    """The messages that a client sees, oldest first."""
    answer = talk.product.http.get(talk.messages, headers=talk.person.headers, params=query)
    assert answer.status_code == 200, answer.text
    return list(reversed(answer.json()["results"]))


def texts(talk: Talk, **query: str) -> list[str]:
    return [message["text"].partition(" [[")[0] for message in shown(talk, **query)]


def show(talk: Talk, message: object) -> httpx2.Response:
    path = f"{CONVERSATIONS}/{talk.id}"
    return talk.product.http.patch(path, headers=talk.person.headers, json={"tip_id": str(message)})


def root(talk: Talk) -> str:
    return str(shown(talk)[0]["id"])


# A reply made again


def test_a_question_is_answered_again_beside_the_first_answer(talk: Talk) -> None:
    first = talk.say("One [[say=First.]]").json()

    answer = regenerate(talk, first["id"])

    assert (answer.status_code, answer.json()["state"]) == (201, "completed")
    _, question, reply = shown(talk)
    assert reply["id"] == answer.json()["id"]
    assert reply["parent_id"] == answer.json()["parent_id"] == question["id"]
    assert reply["siblings"] == [first["id"], reply["id"]]
    assert [message["content"] for message in sent(talk)] == [talk.text("One [[say=First.]]")]


def test_it_may_be_answered_as_a_stream_and_by_another_model(talk: Talk) -> None:
    first = talk.say("One").json()
    path, body = f"{talk.messages}/{first['id']}/regenerate", {"model": "claude-haiku-5-5"}

    with talk.product.http.stream("POST", path, headers=talk.person.headers | SSE, json=body) as answer:
        seen = list(events(answer))

    assert list(dict.fromkeys(event.name for event in seen)) == NAMES
    assert seen[0].data["model"] == talk.calls()[-1].model == "claude-haiku-5-5"
    assert Conversation.objects.get(pk=talk.id).model == "claude-sonnet-5-5"
    assert text_of(seen) == shown(talk)[-1]["text"]


def test_a_model_the_plan_has_not_is_refused(talk: Talk) -> None:
    first = talk.say("One").json()

    answer = regenerate(talk, first["id"], model="claude-opus-5-5")

    assert (answer.status_code, answer.json()["code"]) == (403, "model_not_in_plan")


def test_a_question_itself_may_be_named(talk: Talk) -> None:
    talk.say("One [[status=400]]")
    question = shown(talk)[1]

    assert regenerate(talk, question["id"]).status_code == 400
    assert len(shown(talk)[-1]["siblings"]) == 2


def test_what_answers_nothing_cannot_be_answered_again(talk: Talk) -> None:
    for message in (root(talk), uuid.uuid4()):
        refused = regenerate(talk, message)
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_message")


@pytest.mark.parametrize(("method", "way"), [("POST", "stop"), ("GET", "stream"), ("PUT", "feedback")])
def test_an_unknown_message_is_said_to_be_one(talk: Talk, method: str, way: str) -> None:
    path = f"{talk.messages}/{uuid.uuid4()}/{way}"
    refused = talk.product.http.request(method, path, headers=talk.person.headers, json={"feedback": "up"})

    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_message")


@pytest.mark.parametrize("asked", [{"model": 5}, {"model": ""}, {"max_tokens": 0}])
def test_a_bad_wish_is_refused(talk: Talk, asked: dict[str, Any]) -> None:
    assert regenerate(talk, talk.say("One").json()["id"], **asked).status_code == 400


# A question put otherwise


def test_a_question_may_be_put_otherwise(talk: Talk) -> None:
    first = talk.say("One [[say=First.]]").json()
    talk.say("Two [[say=Second.]]")
    talk.say("Else [[say=Third.]]", parent_id=first["id"])

    assert texts(talk) == [WELCOME, "One", "First.", "Else", "Third."]
    assert texts(talk, all="true") == [WELCOME, "One", "First.", "Two", "Second.", "Else", "Third."]
    assert [message["content"].partition(" [[")[0] for message in sent(talk)] == ["One", "First.", "Else"]


def test_it_may_begin_anew(talk: Talk) -> None:
    talk.say("One")
    talk.say("Else [[say=Anew.]]", parent_id=None)

    assert texts(talk) == ["Else", "Anew."]
    assert len(shown(talk)[0]["siblings"]) == 2
    assert len(sent(talk)) == 1


def test_a_parent_of_another_conversation_is_none(talk: Talk) -> None:
    other = talk.product.http.post(CONVERSATIONS, headers=talk.person.headers, json={}).json()

    for message in (other["tip_id"], str(uuid.uuid4())):
        refused = talk.say("One", parent_id=message)
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_message")
    assert talk.say("One", parent_id="five").status_code == 400


# Which one is shown


def test_a_branch_is_chosen_by_any_message_of_it(talk: Talk) -> None:
    first = talk.say("One [[say=First.]]").json()
    talk.say("Two [[say=Second.]]")
    two = shown(talk)[-2]
    talk.say("Else [[say=Third.]]", parent_id=first["id"])

    answer = show(talk, two["id"])

    assert answer.json()["tip_id"] == shown(talk)[-1]["id"]
    assert texts(talk) == [WELCOME, "One", "First.", "Two", "Second."]
    talk.say("Three")
    assert [message["content"].partition(" [[")[0] for message in sent(talk)] == [
        "One",
        "First.",
        "Two",
        "Second.",
        "Three",
    ]


def test_a_message_of_elsewhere_is_not_shown(talk: Talk) -> None:
    answer = show(talk, uuid.uuid4())

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_message")


def test_a_long_branch_is_shown_page_by_page(talk: Talk) -> None:
    talk.say("One")
    talk.say("Two")

    page = talk.product.http.get(f"{talk.messages}?page_size=3", headers=talk.person.headers).json()
    rest = talk.product.http.get(page["next"], headers=talk.person.headers).json()

    assert [len(page["results"]), len(rest["results"]), rest["next"]] == [3, 2, None]


# Taken along


def test_an_export_tells_every_branch_once(talk: Talk) -> None:
    first = talk.say("One [[say=First.]]").json()
    talk.say("Two [[say=Second.]]")
    talk.say("Else [[say=Third.]]", parent_id=first["id"])
    talk.say("Anew [[say=Fourth.]]", parent_id=None)
    show(talk, first["id"])

    text = export(talk).text

    order = [
        "First.",
        "Else",
        "Third.",
        "## Otherwise, after “First.”",
        "Two",
        "Second.",
        "## Another beginning",
        "Anew",
    ]
    assert sorted(order, key=text.index) == order
    assert text.index("## The branch that is shown") < text.index(WELCOME)
    assert text.count("First.\n") == 1


def export(talk: Talk, **asked: str) -> httpx2.Response:
    return talk.product.http.get(f"{CONVERSATIONS}/{talk.id}/export", headers=talk.person.headers, params=asked)


def test_one_branch_is_exported_without_more_words(talk: Talk) -> None:
    talk.say("One [[status=400]]")

    text = export(talk).text

    assert "##" not in text
    assert text.endswith("**Assistant**\n\n(nothing was said)\n")


def test_an_export_is_a_pdf_where_it_is_asked_for(talk: Talk) -> None:
    talk.say("One [[say=First.]]")

    answer = export(talk, **{"as": "pdf"})

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert "First." in PdfReader(BytesIO(answer.content)).pages[0].extract_text()
    assert export(talk, **{"as": "docx"}).status_code == 400


@pytest.mark.parametrize("text", ["Word " * 40_000, "a\n" * 10_000])
def test_a_conversation_too_long_for_a_pdf_is_refused(talk: Talk, text: str) -> None:
    told = Message.objects.get(conversation_id=talk.id)
    told.text = text
    told.save()

    refused = export(talk, **{"as": "pdf"})

    assert (refused.status_code, refused.json()["code"]) == (422, "too_long_to_export")
    assert export(talk).status_code == 200


def test_the_branch_of_those_who_stay_is_whole_when_one_is_erased(product: Product, alice: Person) -> None:
    bob = person("Bob")
    team = Workspace.objects.create(name="Team", email="team@example.com")
    for member, role in ((bob, "owner"), (alice, "member")):
        Membership.objects.create(workspace=team, user=member.user, role=role)
    talk = Conversation.objects.create(workspace=team, user=bob.user, model="claude-sonnet-5-5")
    tip = None
    for user, text in ((bob, "Bob's"), (alice, "hers"), (alice, "hers too"), (bob, "his"), (alice, "last")):
        tip = talk.messages.create(
            user=user.user, role="user", text=text, parent=tip, created_at=now(), updated_at=now()
        )
    Conversation.objects.filter(pk=talk.pk).update(tip=tip)

    erasure.erase(alice.user.pk, by=SYSTEM, at=now())

    talk.refresh_from_db()
    branch = Message.objects.leading_to(talk.tip_id)
    assert [message.text for message in branch] == ["Bob's", "his"]
