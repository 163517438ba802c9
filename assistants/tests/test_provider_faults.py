"""Whatever the provider does, a client is told, nobody pays for what did not come, and everybody for what did."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants import catalogue, turns
from assistants.models import Message, Turn
from assistants.orders import Order
from assistants.providers.base import ModelCall, ProviderBroken
from assistants.reading import parse
from assistants.tests.roads import (
    CHAT,
    CONVERSATION,
    MESSAGES,
    MODEL,
    ROADS,
    Journey,
    Road,
    assert_close,
    billed,
    charged_for,
    journey,
    resolved,
    turn_of,
)
from assistants.tests.saying import END, START, Saying, text
from assistants.tests.standin.client import StandIn
from assistants.turns import LiveTurn
from config.tests.product import Product
from conftest import Run
from quotas.models import Reservation
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, charged, hold, request_id

BREAKS = ["error", "cut", "reset", "garbage", "silence"]
BUSY = {MESSAGES: (529, "overloaded_error"), CHAT: (503, "provider_busy"), CONVERSATION: (503, "provider_busy")}
BROKEN = {MESSAGES: (502, "api_error"), CHAT: (502, "provider_broken"), CONVERSATION: (502, "provider_broken")}
LATE = {MESSAGES: (504, "timeout_error"), CHAT: (504, "provider_timeout"), CONVERSATION: (504, "provider_timeout")}
# What the provider does, how often it is asked, and what a client is told.
REFUSALS = [("status=429", 3, BUSY), ("status=529", 3, BUSY), ("status=500", 3, BROKEN), ("break=hang", 1, LATE)]


def send(trip: Journey) -> httpx2.Response:
    url = f"http://127.0.0.1:{trip.port}{trip.path}"
    return httpx2.post(url, content=trip.body, headers=trip.headers, timeout=30)


def kind_of(road: Road, body: Any) -> str:
    """What a client of that road tells errors apart by."""
    if road is CONVERSATION:
        return str(body["code"])
    return str(body["error"]["code" if road is CHAT else "type"])


# ---- it refuses


# Every refusal on one road; on the others, which share the code, by `make test-all`.
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    "road", [ROADS[0], *(pytest.param(road, marks=pytest.mark.slow) for road in ROADS[1:])], ids=str
)
@pytest.mark.parametrize(("script", "calls", "told"), REFUSALS, ids=["429", "529", "500", "hang"])
def test_a_refusal_is_told_in_the_roads_shape_and_costs_nothing(
    product: Product,
    standin: StandIn,
    alice: Person,
    road: Road,
    stream: bool,
    script: str,
    calls: int,
    told: dict[Road, tuple[int, str]],
) -> None:
    trip = journey(product, road, alice, script, stream=stream)

    answer = send(trip)

    assert (answer.status_code, kind_of(road, answer.json())) == told[road]
    assert len(standin.settled(trip.tag)) == calls
    found = resolved(answer.headers["X-Request-ID"])
    assert (found.state, turn_of(found).outcome) == ("released", "failed")
    assert (charged(alice), bucket(alice).reserved) == (0, 0)


@pytest.mark.parametrize("failures", [1, 2])
def test_what_succeeds_at_a_later_try_is_charged_once(
    product: Product, standin: StandIn, alice: Person, failures: int
) -> None:
    trip = journey(product, MESSAGES, alice, f"status=529 times={failures} tokens=20")

    answer = send(trip)

    calls = standin.settled(trip.tag, at_least=failures + 1)
    assert answer.status_code == 200
    assert [call.state for call in calls] == ["refused"] * failures + ["finished"]
    assert charged_for(resolved(answer.headers["X-Request-ID"])) == billed(calls[-1])


def test_what_the_client_got_wrong_is_passed_on_and_not_tried_again(
    product: Product, standin: StandIn, alice: Person
) -> None:
    trip = journey(product, MESSAGES, alice, "status=400")

    answer = send(trip)

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert len(standin.settled(trip.tag)) == 1
    assert charged(alice) == 0


def test_our_own_credentials_are_not_the_clients_fault(product: Product, alice: Person) -> None:
    answer = send(journey(product, MESSAGES, alice, "status=401"))

    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "api_error")
    assert charged(alice) == 0


def test_a_refused_reply_leaves_the_conversation_free_for_the_next(product: Product, alice: Person) -> None:
    trip = journey(product, CONVERSATION, alice, "status=529")
    send(trip)

    again = product.http.post(trip.path, json={"text": "Again", "max_tokens": 50}, headers=alice.headers)

    assert again.status_code == 201
    states = Message.objects.filter(conversation__workspace=alice.workspace, role="assistant").order_by("created_at")
    assert list(states.values_list("state", flat=True)) == ["completed", "failed", "completed"]


# ---- it breaks off


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("road", ROADS, ids=str)
def test_a_stream_broken_off_ends_in_an_error_and_costs_what_came(
    product: Product, standin: StandIn, alice: Person, road: Road, broken: str
) -> None:
    trip = journey(product, road, alice, f"tokens=200 gap=5 break={broken} after=20")

    answer = send(trip)

    [call] = standin.settled(trip.tag)
    found = resolved(answer.headers["X-Request-ID"])
    assert road.error in answer.content
    assert road.end not in answer.content
    assert (found.state, found.basis, turn_of(found).outcome) == ("settled", "estimated", "incomplete")
    assert_close(charged_for(found), billed(call))
    assert found.entries.filter(bucket__meter="tokens").count() == 1


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("road", ROADS, ids=str)
def test_a_stream_broken_off_before_its_first_token_ends_in_an_error_and_costs_nothing(
    product: Product, standin: StandIn, alice: Person, road: Road, broken: str
) -> None:
    trip = journey(product, road, alice, f"tokens=200 break={broken} after=0")

    answer = send(trip)

    assert len(standin.settled(trip.tag)) == 1
    found = resolved(answer.headers["X-Request-ID"])
    assert road.error in answer.content
    assert road.end not in answer.content
    assert (found.state, turn_of(found).outcome) == ("released", "failed")
    assert (charged(alice), bucket(alice).reserved) == (0, 0)


@pytest.mark.parametrize("broken", ["cut", "reset", "garbage", "silence"])
@pytest.mark.parametrize("road", [MESSAGES, CHAT], ids=str)
def test_a_whole_answer_broken_off_is_an_error_and_costs_nothing(
    product: Product, alice: Person, road: Road, broken: str
) -> None:
    answer = send(journey(product, road, alice, f"tokens=200 break={broken}", stream=False))

    assert answer.status_code == (504 if broken == "silence" else 502)
    assert resolved(answer.headers["X-Request-ID"]).state == "released"
    assert charged(alice) == 0


@pytest.mark.parametrize("broken", BREAKS)
def test_a_reply_broken_off_is_kept_as_far_as_it_came(product: Product, alice: Person, broken: str) -> None:
    trip = journey(product, CONVERSATION, alice, f"tokens=200 gap=5 break={broken} after=20")

    send(trip)

    reply = Message.objects.filter(conversation__workspace=alice.workspace, role="assistant").latest("created_at")
    assert reply.state == "incomplete"
    assert reply.text


def test_an_error_in_the_stream_keeps_the_providers_word_for_it(product: Product, alice: Person) -> None:
    answer = send(journey(product, MESSAGES, alice, "tokens=50 break=error after=3"))

    assert b"overloaded_error" in answer.content.rpartition(b"event: error")[2]


# ---- it delivers more than was held


def test_an_overrun_is_charged_whole_and_the_next_is_refused(product: Product, run: Run[Any], alice: Person) -> None:
    run(hold(alice, 8_000))
    trip = journey(product, MESSAGES, alice, "tokens=10 over=50", max_tokens=5_000)

    answer = send(trip)

    found = resolved(answer.headers["X-Request-ID"])
    entry = found.entries.get(bucket__meter="tokens")
    held = found.holds.get(bucket__meter="tokens").amount
    assert (entry.amount, entry.overrun) == (2_050, 2_050 - held)
    assert send(journey(product, MESSAGES, alice, "tokens=10")).status_code == 429


# ---- it sends what nobody foresaw


async def answered(person: Person, provider: Saying, *, message: Message | None = None) -> LiveTurn:
    """A turn that has come to its end."""
    body = {"model": MODEL, "max_tokens": 100, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    order = Order(
        person.caller,
        request_id(),
        Turn.Road.MESSAGES,
        await catalogue.find(MODEL),
        ModelCall(body),
        message_id=message.id if message else None,
    )
    turn = await turns.start(order, provider, at=now())
    listener = turn.listener
    async with asyncio.timeout(3):
        async for _ in listener.pieces():
            pass
    await asyncio.wait([turn.task])
    return turn


def reservation_of(turn: LiveTurn) -> Reservation:
    return Reservation.objects.get(id=turn.admission.reservation_id)


def test_an_answer_that_is_whole_is_settled_as_reported(run: Run[Any], alice: Person) -> None:
    turn = run(answered(alice, Saying([START, text("Hello"), END])))

    assert (reservation_of(turn).basis, charged(alice)) == ("reported", 21)


def test_an_answer_may_come_byte_by_byte(run: Run[Any], alice: Person) -> None:
    whole = START + text("Grüß dich, 世界") + END

    turn = run(answered(alice, Saying([whole[at : at + 1] for at in range(len(whole))])))

    assert turn.text == "Grüß dich, 世界"
    assert charged(alice) == 21


@pytest.mark.parametrize(
    "odd",
    [
        b'event: message_start\ndata: {"type":"message_start"}\n\n',
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0}\n\n',
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0}\n\n',
        b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":"text"}\n\n',
        b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":7}}\n\n',
        b'event: message_delta\ndata: {"type":"message_delta","usage":[]}\n\n',
        b'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":"many"}}\n\n',
        b'event: error\ndata: {"type":"error","error":"Overloaded"}\n\n',
        b"data: \xff\xfe\n\n",
    ],
    ids=["start", "block", "delta", "delta-text", "delta-number", "end", "usage", "error", "utf-8"],
)
def test_an_event_of_an_unknown_shape_is_no_reason_not_to_settle(run: Run[Any], alice: Person, odd: bytes) -> None:
    turn = run(answered(alice, Saying([START, text("Hello there"), odd, END])))

    assert (reservation_of(turn).state, bucket(alice).reserved) == ("settled", 0)
    assert charged(alice) >= 12


@pytest.mark.parametrize(
    "odd", [b"NaN", b"-Infinity", b"1e999", b"[" * 100 + b"]" * 100], ids=["nan", "inf", "1e", "deep"]
)
def test_json_that_no_client_would_read_is_broken(odd: bytes) -> None:
    with pytest.raises(ProviderBroken):
        parse(b'data: {"type":"ping","at":' + odd + b"}")


def test_an_event_that_is_new_to_us_is_passed_on(run: Run[Any], alice: Person) -> None:
    new = b'event: mood\ndata: {"type":"mood","mood":"sunny"}\n\n'

    turn = run(answered(alice, Saying([START, new, text("Hello"), END])))

    assert turn.failure is None
    assert charged(alice) == 21


def test_an_error_of_ours_in_a_stream_is_settled_too(run: Run[Any], alice: Person) -> None:
    turn = run(answered(alice, Saying([START, text("Hello there")], failure=RuntimeError("a bug"))))

    assert turn.failure is not None
    assert reservation_of(turn).state == "settled"


@pytest.mark.parametrize("said", ["nothing\\u0000", "half \\ud83d"], ids=["NUL", "surrogate"])
def test_a_reply_that_no_database_can_hold_is_settled(run: Run[Any], alice: Person, said: str) -> None:
    conversation = alice.workspace.conversations.create(user=alice.user, model=MODEL)
    moment = now()
    reply = conversation.messages.create(role="assistant", state="streaming", created_at=moment, updated_at=moment)

    turn = run(answered(alice, Saying([START, text(said), END]), message=reply))

    reply.refresh_from_db()
    assert reservation_of(turn).state == "settled"
    assert reply.state == "completed"
