"""A reply is stopped: what was delivered is charged and kept, and its stream ends well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from assistants.models import Message, Turn
from assistants.tests.roads import assert_close, billed, charged_for
from assistants.tests.standin.client import StandIn
from assistants.tests.test_conversation_turns import Talk
from assistants.tests.test_conversation_turns import talk as talk
from config.tests.product import Product, eventually, started
from conftest import UNHURRIED

SLOWLY = "[[tokens=300 gap=20]]"


@pytest.fixture(scope="module")
def elsewhere(database: None, standin: StandIn) -> Iterator[Product]:
    """Another process of the product."""
    environment = {**UNHURRIED, "ANTHROPIC_API_KEY": "sk-standin", "ANTHROPIC_BASE_URL": standin.url}
    with started(environment) as running:
        yield running


def stop(talk: Talk, message: object, product: Product | None = None) -> httpx2.Response:
    path = f"{talk.messages}/{message}/stop"
    return (product or talk.product).http.post(path, headers=talk.person.headers)


def begun(talk: Talk, script: str = SLOWLY) -> tuple[Any, str]:
    """A stream of which some text has come, and the reply's id."""
    stream = talk.stream(script)
    message = next(stream).data["message_id"]
    next(stream)
    return stream, message


def test_a_reply_ends_where_it_is_stopped(talk: Talk) -> None:
    stream, message = begun(talk)

    answer = stop(talk, message)

    ended = answer.json()
    assert (answer.status_code, ended["state"], ended["stop_reason"]) == (200, "completed", "stopped")
    *_, usage, completed = stream
    assert (completed.name, completed.data["stop_reason"]) == ("message.completed", "stopped")
    assert usage.data == ended["usage"]
    assert Message.objects.get(pk=message).text == ended["text"] != ""


def test_what_was_delivered_is_charged(talk: Talk) -> None:
    _, message = begun(talk)
    stop(talk, message)

    [call] = talk.calls()
    turn = Turn.objects.get(message_id=message)
    assert (turn.outcome, turn.stop_reason, turn.basis) == ("completed", "stopped", "estimated")
    assert 0 < turn.output_tokens < 300
    assert_close(charged_for(turn.reservation), billed(call))


def test_stopping_twice_is_stopping_once(talk: Talk) -> None:
    _, message = begun(talk)

    first, second = stop(talk, message), stop(talk, message)

    assert (second.status_code, second.json()) == (200, first.json())


def test_what_has_ended_stays_as_it_was(talk: Talk) -> None:
    reply = talk.say("[[say=Good morning.]]").json()

    answer = stop(talk, reply["id"])

    assert (answer.status_code, answer.json()) == (200, reply)


def test_the_conversation_goes_on(talk: Talk) -> None:
    _, message = begun(talk)
    stop(talk, message)

    assert talk.say("And now?").status_code == 201
    assert [said["content"] for said in talk.calls()[-1].request["messages"]][-2] == Message.objects.get(
        pk=message
    ).text


def test_a_reply_that_another_process_writes_is_stopped_too(talk: Talk, elsewhere: Product) -> None:
    stream, message = begun(talk, "[[tokens=900 gap=20]]")

    answer = stop(talk, message, elsewhere)

    assert (answer.status_code, answer.json()["state"]) == (202, "streaming")
    assert list(stream)[-1].data["stop_reason"] == "stopped"
    eventually(Turn.objects.filter(message_id=message, stop_reason="stopped").exists)
