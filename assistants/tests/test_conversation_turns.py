"""Saying something in a conversation: what is answered, whole and as a stream, what goes upstream, what stays."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants import catalogue
from assistants.conversations import WELCOME, prompt
from assistants.models import Conversation, Message, Turn
from assistants.tests.standin.bill import Call
from assistants.tests.standin.client import StandIn
from config.tests.product import Product
from conftest import Run
from quotas.models import Bucket, Entry, Reservation

CONVERSATIONS = "/api/v1/assistants/conversations"
SSE = {"accept": "text/event-stream"}
NAMES = ["message.started", "text", "usage", "message.completed"]


@dataclass
class Event:
    name: str
    id: int
    data: dict[str, Any]


@dataclass
class Talk:
    """Alice's conversation, and the tag by which the stand-in knows its calls."""

    product: Product
    standin: StandIn
    person: Person
    id: str
    tag: str

    @property
    def messages(self) -> str:
        return f"{CONVERSATIONS}/{self.id}/messages"

    def text(self, says: str) -> str:
        return f"{says} [[tag={self.tag}]]"

    def say(self, says: str = "Hello", **asked: Any) -> httpx2.Response:
        body = {"text": self.text(says), **asked}
        return self.product.http.post(self.messages, headers=self.person.headers, json=body)

    def stream(self, says: str = "Hello") -> Generator[Event]:
        """Closing it hangs up."""
        headers = self.person.headers | SSE
        with self.product.http.stream("POST", self.messages, headers=headers, json={"text": self.text(says)}) as answer:
            assert answer.status_code == 200
            yield from events(answer)

    def resume(self, message_id: str, after: int | None = None) -> list[Event]:
        headers = self.person.headers | ({} if after is None else {"last-event-id": str(after)})
        with self.product.http.stream("GET", f"{self.messages}/{message_id}/stream", headers=headers) as answer:
            assert answer.status_code == 200
            return list(events(answer))

    def stored(self) -> list[Message]:
        return list(Message.objects.filter(conversation_id=self.id))

    def calls(self) -> list[Call]:
        return self.standin.settled(self.tag)


def events(answer: httpx2.Response) -> Iterator[Event]:
    lines: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name:
            lines[name] = value
        elif "event" in lines:
            assert set(lines) == {"event", "id", "data"}
            yield Event(lines["event"], int(lines["id"]), json.loads(lines["data"]))
            lines = {}
        else:
            lines = {}


def text_of(seen: list[Event]) -> str:
    return "".join(event.data["text"] for event in seen if event.name == "text")


@pytest.fixture
def talk(product: Product, standin: StandIn, alice: Person) -> Talk:
    made = product.http.post(CONVERSATIONS, headers=alice.headers, json={"system": "Be kind."})
    return Talk(product, standin, alice, made.json()["id"], uuid.uuid4().hex)


# Whole


def test_an_answer_comes_whole(talk: Talk) -> None:
    answer = talk.say("[[say=Good morning.]]")

    reply = Message.objects.get(conversation_id=talk.id, role="assistant", turn__isnull=False)
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(reply.id),
        "conversation_id": talk.id,
        "parent_id": str(reply.parent_id),
        "role": "assistant",
        "state": "completed",
        "text": "Good morning.",
        "model": "claude-sonnet-5-5",
        "stop_reason": "end_turn",
        "usage": answer.json()["usage"],
        "request_id": answer.headers["x-request-id"],
        "demo": False,
    }


def test_its_usage_is_what_the_provider_billed(talk: Talk) -> None:
    usage = talk.say("[[tokens=20 cache_read=100]]").json()["usage"]

    [call] = talk.calls()
    assert usage == {
        "input_tokens": call.input_tokens + 100,
        "output_tokens": 20,
        "total_tokens": call.input_tokens + 120,
        "basis": "reported",
    }


def test_an_answer_says_what_is_left(talk: Talk) -> None:
    headers = talk.say().headers

    assert '"messages-day";q=50;u="messages"' in headers["ratelimit-policy"]
    assert '"messages-day";r=49' in headers["ratelimit"]


def test_question_and_answer_are_kept_in_order(talk: Talk) -> None:
    talk.say("[[say=Good morning.]]")

    kept = [(message.role, message.state, message.text) for message in talk.stored()]
    assert kept == [
        ("assistant", "completed", WELCOME),
        ("user", "completed", talk.text("[[say=Good morning.]]")),
        ("assistant", "completed", "Good morning."),
    ]


def test_the_first_words_become_the_title(talk: Talk) -> None:
    talk.say("  What do\nwhales eat?  ")
    talk.say("And sleep?")

    assert Conversation.objects.get(pk=talk.id).title.startswith("What do whales eat?")


def test_a_title_that_was_given_stays(talk: Talk) -> None:
    talk.product.http.patch(f"{CONVERSATIONS}/{talk.id}", headers=talk.person.headers, json={"title": "Whales"})

    talk.say("What do they eat?")

    assert Conversation.objects.get(pk=talk.id).title == "Whales"


# As a stream


def test_a_stream_s_events_come_in_order(talk: Talk) -> None:
    seen = list(talk.stream("[[tokens=30]]"))

    names = [event.name for event in seen]
    assert list(dict.fromkeys(names)) == NAMES
    assert [names.count(name) for name in NAMES if name != "text"] == [1, 1, 1]


def test_a_stream_begins_by_saying_what_it_is(talk: Talk) -> None:
    started = next(iter(talk.stream()))

    reply = Message.objects.get(conversation_id=talk.id, role="assistant", created_at__gt=talk.stored()[0].created_at)
    assert started.data == {
        "conversation_id": talk.id,
        "message_id": str(reply.id),
        "parent_id": str(reply.parent_id),
        "request_id": started.data["request_id"],
        "model": "claude-sonnet-5-5",
        "demo": False,
    }


def test_a_stream_taken_up_again_names_the_question_too(talk: Talk) -> None:
    started, *_ = talk.stream()

    [question] = [message for message in talk.stored() if message.role == "user"]
    again = talk.resume(started.data["message_id"])[0]
    assert (started.data["parent_id"], again.data) == (str(question.pk), started.data)


def test_a_stream_ends_with_usage_and_the_reason(talk: Talk) -> None:
    *_, usage, completed = talk.stream("[[tokens=20]]")

    [call] = talk.calls()
    assert (usage.data["input_tokens"], usage.data["output_tokens"]) == (call.input_tokens, call.output_tokens)
    assert usage.data["basis"] == "reported"
    assert completed.data["stop_reason"] == "end_turn"


def test_each_id_counts_the_characters_so_far(talk: Talk) -> None:
    seen = list(talk.stream("[[gap=20]] [[say=Grüße, ☀ and 🐳 to you all, my friends.]]"))

    length = 0
    for event in seen:
        length += len(event.data.get("text", ""))
        assert event.id == length
    assert len(seen) > len(NAMES)
    assert text_of(seen) == talk.stored()[-1].text


def test_a_stream_s_headers_keep_it_from_being_held_up(talk: Talk) -> None:
    body = {"text": talk.text("Hello")}
    with talk.product.http.stream("POST", talk.messages, headers=talk.person.headers | SSE, json=body) as answer:
        answer.read()

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "ratelimit" in answer.headers
    assert answer.headers["x-request-id"].startswith("req_")


def test_a_stream_that_breaks_ends_with_an_error(talk: Talk) -> None:
    *_, usage, error = talk.stream("[[tokens=90 break=error after=5]]")

    assert (usage.name, usage.data["basis"]) == ("usage", "estimated")
    assert (error.name, error.data["code"]) == ("error", "provider_broken")
    assert error.data["request_id"]
    assert talk.stored()[-1].state == "incomplete"


def test_what_came_before_a_break_is_kept(talk: Talk) -> None:
    seen = list(talk.stream("[[tokens=90 break=cut after=5]]"))

    assert talk.stored()[-1].text == text_of(seen) != ""


def test_a_provider_that_refuses_is_no_stream_at_all(talk: Talk) -> None:
    body = {"text": talk.text("[[status=400]]")}

    answer = talk.product.http.post(talk.messages, headers=talk.person.headers | SSE, json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert talk.stored()[-1].state == "failed"
    assert not Entry.objects.filter(reservation__workspace=talk.person.workspace).exists()


def test_a_refused_answer_does_not_block_the_next(talk: Talk) -> None:
    talk.say("[[status=400]]")

    assert talk.say("Hello").status_code == 201


# Picked up again


def test_a_running_stream_is_picked_up_where_it_was_left(talk: Talk) -> None:
    stream = talk.stream("[[tokens=60 gap=10]]")
    before = [next(stream) for _ in range(4)]
    stream.close()

    after = talk.resume(before[0].data["message_id"], before[-1].id)

    whole = talk.stored()[-1]
    assert (whole.state, text_of(before) + text_of(after)) == ("completed", whole.text)
    assert [event.name for event in after][-2:] == NAMES[-2:]


def test_a_stream_that_was_picked_up_is_billed_in_full(talk: Talk) -> None:
    stream = talk.stream("[[tokens=40 gap=10]]")
    started = next(stream)
    stream.close()
    talk.resume(started.data["message_id"])

    [call] = talk.calls()
    turn = Turn.objects.get(message_id=started.data["message_id"])
    assert (call.state, turn.basis, turn.output_tokens) == ("finished", "reported", 40)


def test_two_may_listen_to_one_stream(talk: Talk) -> None:
    stream = talk.stream("[[tokens=40 gap=10]]")
    first = [next(stream)]
    second = talk.resume(first[0].data["message_id"])
    first += stream

    assert text_of(first) == text_of(second) == talk.stored()[-1].text


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_finished_stream_is_told_again_from_where_it_was_left(talk: Talk, share: float) -> None:
    told = list(talk.stream("[[tokens=30]]"))
    text = text_of(told)
    known = int(len(text) * share)

    again = talk.resume(told[0].data["message_id"], known)

    assert text_of(again) == text[known:]
    assert [event.name for event in again] == [name for name in NAMES if name != "text" or known < len(text)]
    assert [again[0].data, again[-2].data, again[-1].data] == [told[0].data, told[-2].data, told[-1].data]


def test_every_id_of_a_stream_is_a_place_to_go_on_from(talk: Talk) -> None:
    told = list(talk.stream("[[say=Grüße, ☀ and 🐳 to you all.]]"))
    text = text_of(told)

    for event in told:
        assert text_of(talk.resume(told[0].data["message_id"], event.id)) == text[event.id :]


def test_without_a_last_id_it_is_told_from_the_beginning(talk: Talk) -> None:
    told = list(talk.stream("[[tokens=30]]"))

    assert text_of(talk.resume(told[0].data["message_id"])) == text_of(told)


def test_a_broken_answer_is_told_again_with_its_error(talk: Talk) -> None:
    told = list(talk.stream("[[tokens=90 break=error after=5]]"))

    again = talk.resume(told[0].data["message_id"])

    assert (text_of(again), again[-1].name) == (text_of(told), "error")
    assert again[-1].data["code"] == told[-1].data["code"]


@pytest.mark.parametrize("last", ["-1", "abc", "1.5"])
def test_an_id_that_is_none_is_refused(talk: Talk, last: str) -> None:
    reply = talk.say().json()
    headers = talk.person.headers | {"last-event-id": last}

    answer = talk.product.http.get(f"{talk.messages}/{reply['id']}/stream", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_message_that_was_never_streamed_is_not_found(talk: Talk) -> None:
    talk.say()
    question = next(message for message in talk.stored() if message.role == "user")

    for message_id in (question.id, uuid.uuid4()):
        answer = talk.product.http.get(f"{talk.messages}/{message_id}/stream", headers=talk.person.headers)
        assert answer.status_code == 404


# What goes upstream


def sent(talk: Talk) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = talk.calls()[-1].request["messages"]
    return messages


def remember(talk: Talk, count: int) -> None:
    """So many messages that were said before, the person's first."""
    at = now()
    for place in range(count):
        said_at = at + timedelta(milliseconds=place)
        role = ("user", "assistant")[place % 2]
        fixed = {"conversation_id": talk.id, "role": role, "created_at": said_at, "updated_at": said_at}
        said = Message.objects.create(**fixed, text=f"said {place}", parent=Conversation.objects.get(pk=talk.id).tip)
        Conversation.objects.filter(pk=talk.id).update(tip=said)


def test_the_welcome_is_not_sent(talk: Talk) -> None:
    talk.say("Hello")

    assert sent(talk) == [{"role": "user", "content": talk.text("Hello")}]


def test_what_was_said_before_is_sent(talk: Talk) -> None:
    talk.say("[[say=Good morning.]]")
    talk.say("And now?")

    assert sent(talk) == [
        {"role": "user", "content": talk.text("[[say=Good morning.]]")},
        {"role": "assistant", "content": "Good morning."},
        {"role": "user", "content": talk.text("And now?")},
    ]


@pytest.mark.parametrize("before", [28, 29, 30, 31, 45])
def test_at_most_the_last_30_messages_are_sent_and_a_person_s_first(talk: Talk, before: int) -> None:
    remember(talk, before)

    talk.say("And now?")

    *earlier, last = [message["content"] for message in sent(talk)]
    assert last == talk.text("And now?")
    assert earlier == [f"said {place}" for place in range(before - len(earlier), before)]
    assert len(earlier) in (min(before, 28), min(before, 29))
    assert sent(talk)[0]["role"] == "user"


def test_the_system_prompt_is_sent(talk: Talk) -> None:
    talk.say()

    assert talk.calls()[0].request["system"] == "Be kind."


def test_a_conversation_without_a_system_prompt_sends_none(talk: Talk) -> None:
    Conversation.objects.filter(pk=talk.id).update(system="")

    talk.say()

    assert "system" not in talk.calls()[0].request


def test_the_conversation_s_model_is_asked(talk: Talk) -> None:
    talk.product.http.patch(
        f"{CONVERSATIONS}/{talk.id}", headers=talk.person.headers, json={"model": "claude-haiku-5-5"}
    )

    assert talk.say().json()["model"] == "claude-haiku-5-5"
    assert talk.calls()[0].model == "claude-haiku-5-5"


def test_the_answer_is_no_longer_than_asked(talk: Talk) -> None:
    answer = talk.say("[[tokens=90]]", max_tokens=10).json()

    assert (answer["stop_reason"], answer["usage"]["output_tokens"]) == ("max_tokens", 10)


def test_a_wish_beyond_what_a_model_can_say_leaves_the_history(run: Run[Any]) -> None:
    offer = run(catalogue.find("claude-haiku-5-5"))
    history = [{"role": "user", "content": "One"}, {"role": "assistant", "content": "Two"}]
    question = {"role": "user", "content": "Three"}

    assert prompt("", [*history, question], offer, 10**9)["messages"] == [*history, question]


def test_history_is_cut_to_what_the_model_holds(run: Run[Any]) -> None:
    offer = run(catalogue.find("claude-haiku-5-5"))
    long = {"role": "user", "content": "word " * 150_000}
    history = [long, {"role": "assistant", "content": "Two"}]
    question = {"role": "user", "content": "Three"}

    assert prompt("", [*history, question], offer, 100)["messages"] == [question]


def test_a_long_prompt_is_cached_and_a_short_one_is_not(run: Run[Any]) -> None:
    offer = run(catalogue.find("claude-haiku-5-5"))
    question = [{"role": "user", "content": "Three"}]

    assert prompt("word " * 5_000, question, offer, 100)["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in prompt("word", question, offer, 100)


# What stays


def test_the_record_of_a_turn_says_what_it_took(talk: Talk) -> None:
    answer = talk.say("[[tokens=20 cache_read=1000 cache_write=500 cache_write_1h=100]]").json()

    [call] = talk.calls()
    turn = Turn.objects.get(message_id=answer["id"])
    assert (turn.input_tokens, turn.output_tokens, turn.cache_read_tokens) == (call.input_tokens, 20, 1000)
    assert (turn.cache_write_5m_tokens, turn.cache_write_1h_tokens) == (500, 100)
    assert turn.cost == 2 * call.input_tokens + 10 * 20 + 100 + 1250 + 400


def test_the_record_of_a_turn_says_how_it_went(talk: Talk) -> None:
    answer = talk.say("[[tokens=20]]").json()

    turn = Turn.objects.get(message_id=answer["id"])
    assert (turn.workspace, turn.user, turn.api_key_id) == (
        talk.person.workspace,
        talk.person.user,
        talk.person.caller.key_id,
    )
    assert (turn.request_id, turn.road, turn.model, turn.provider) == (
        answer["request_id"],
        "conversation",
        "claude-sonnet-5-5",
        "anthropic",
    )
    assert (turn.outcome, turn.error, turn.stop_reason, turn.basis) == ("completed", "", "end_turn", "reported")
    assert turn.first_token_ms is not None
    assert turn.first_token_ms <= turn.duration_ms


def test_a_message_shows_the_record_of_its_turn(talk: Talk) -> None:
    answer = talk.say("[[tokens=20]]").json()

    newest = talk.product.http.get(talk.messages, headers=talk.person.headers).json()["results"][0]

    assert newest["id"] == answer["id"]
    assert newest["turn"]["request_id"] == answer["request_id"]
    assert newest["turn"]["output_tokens"] == 20


def test_a_turn_counts_as_one_request_and_one_message(talk: Talk) -> None:
    answer = talk.say("[[tokens=20]]").json()

    used = dict(Bucket.objects.filter(workspace=talk.person.workspace).values_list("meter", "used"))
    assert used["tokens"] == answer["usage"]["total_tokens"]
    assert (used["requests"], used["messages"], used["operations"]) == (1, 1, 0)


def test_nothing_stays_held(talk: Talk) -> None:
    talk.say()
    list(talk.stream())
    list(talk.stream("[[tokens=90 break=cut after=5]]"))

    assert not Reservation.objects.filter(workspace=talk.person.workspace, state="pending").exists()
    assert not Bucket.objects.filter(workspace=talk.person.workspace, reserved__gt=0).exists()


def test_a_second_message_while_one_is_answered_is_refused(talk: Talk) -> None:
    stream = talk.stream("[[tokens=40 gap=10]]")
    next(stream)

    refused = talk.say("And another thing")

    assert (refused.status_code, refused.json()["code"]) == (409, "conversation_busy")
    assert talk.text("And another thing") not in [message.text for message in talk.stored()]
    assert list(stream)[-1].name == "message.completed"
    states = Reservation.objects.filter(workspace=talk.person.workspace).values_list("state", flat=True)
    assert sorted(states) == ["released", "settled"]


def test_the_next_message_is_taken_once_the_answer_is_whole(talk: Talk) -> None:
    list(talk.stream())

    assert talk.say().status_code == 201


def test_deleting_gives_no_usage_back(talk: Talk) -> None:
    talk.say("[[tokens=20]]")
    before = talk.product.http.get("/api/v1/quotas/usage", headers=talk.person.headers).json()

    talk.product.http.delete(f"{CONVERSATIONS}/{talk.id}", headers=talk.person.headers)

    assert before["token_used"] > 20
    assert talk.product.http.get("/api/v1/quotas/usage", headers=talk.person.headers).json() == before
    assert Turn.objects.filter(workspace=talk.person.workspace).count() == 1


def test_the_demo_says_that_it_is_one(demo_product: Product, alice: Person) -> None:
    made = demo_product.http.post(CONVERSATIONS, headers=alice.headers, json={}).json()

    answer = demo_product.http.post(
        f"{CONVERSATIONS}/{made['id']}/messages", headers=alice.headers, json={"text": "Hello"}
    )

    assert (answer.status_code, answer.json()["demo"]) == (201, True)
    assert answer.headers["x-stipend-demo"] == "true"
    assert answer.json()["text"].endswith("You said: Hello")


def test_the_demo_s_stream_says_that_it_is_one(demo_product: Product, alice: Person) -> None:
    made = demo_product.http.post(CONVERSATIONS, headers=alice.headers, json={}).json()
    path = f"{CONVERSATIONS}/{made['id']}/messages"

    with demo_product.http.stream("POST", path, headers=alice.headers | SSE, json={"text": "Hello"}) as answer:
        seen = list(events(answer))

    assert list(dict.fromkeys(event.name for event in seen)) == NAMES
    assert seen[0].data["demo"] is True
