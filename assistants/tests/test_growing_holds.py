"""A stream holds a slice of its answer and grows: small requests are not refused for what they might have taken."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants import catalogue, orders
from assistants.models import Turn
from assistants.orders import Order
from assistants.providers.base import ModelCall
from assistants.providers.demo import Demo
from assistants.tests.roads import (
    CHAT,
    CONVERSATION,
    MESSAGES,
    MODEL,
    ROADS,
    Road,
    billed,
    charged_for,
    journey,
    resolved,
    turn_of,
)
from assistants.tests.standin.client import StandIn
from assistants.tests.standin.tokens import count
from config.tests.product import Product, eventually
from conftest import Run
from quotas import metering
from quotas.errors import QuotaExceeded
from quotas.models import Basis, Bucket
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, hold, request_id

DAY = 10_000
QUOTA = {
    MESSAGES: b'"stop_reason": "quota"',
    CHAT: b'"finish_reason":"length"',
    CONVERSATION: b'"stop_reason": "quota"',
}


def leave(run: Run[Any], person: Person, tokens: int) -> None:
    """Use the day's tokens but so many."""
    found = Bucket.objects.filter(workspace=person.workspace, meter="tokens", grant=None).first()
    taken = DAY - tokens - (found.used + found.reserved if found else 0)
    admission = run(hold(person, taken))
    run(metering.settle(admission.reservation_id, {"tokens": taken}, basis=Basis.REPORTED))


async def admitted(person: Person, *, stream: bool) -> int:
    """Of fifty at once that ask for little and would take up to 4,096 tokens."""
    offer = await catalogue.find(MODEL)
    body = {"model": MODEL, "max_tokens": 4096, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}

    async def ask() -> bool:
        order = Order(person.caller, request_id(), Turn.Road.MESSAGES, offer, ModelCall(body))
        try:
            await orders.reserve_room(order, Demo(0), now())
        except QuotaExceeded:
            return False
        return True

    return sum(await asyncio.gather(*(ask() for _ in range(50))))


def test_many_more_are_admitted_at_once_than_where_each_holds_its_whole_answer(
    run: Run[Any], alice: Person, charlie: Person
) -> None:
    whole, growing = run(admitted(alice, stream=False)), run(admitted(charlie, stream=True))

    assert (whole, growing) == (3, 38)


def test_what_is_held_grows_with_the_answer(product: Product, standin: StandIn, alice: Person) -> None:
    trip = journey(product, MESSAGES, alice, "tokens=1500 gap=1", max_tokens=4000)

    with trip.sent() as line:
        line.events(4)
        first = bucket(alice).reserved
        eventually(lambda: bucket(alice).reserved > first + 1_000)
        line.events()
        found = resolved(line.request_id)

    [call] = standin.settled(trip.tag)
    assert first < 2_000
    assert (found.basis, charged_for(found)) == ("reported", billed(call))


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_an_answer_ends_cleanly_where_others_have_taken_the_rest(
    product: Product, run: Run[Any], alice: Person, road: Road
) -> None:
    trip = journey(product, road, alice, "tokens=3000 gap=3", max_tokens=4000)

    with trip.sent() as line:
        line.events(10)
        leave(run, alice, 10)
        events = b"".join(line.events())
        found = resolved(line.request_id)

    assert QUOTA[road] in events
    assert road.end in events
    assert road.error not in events
    assert (turn_of(found).stop_reason, turn_of(found).outcome) == ("quota", "completed")
    assert found.basis == "estimated"


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("road", ROADS, ids=str)
def test_an_answer_for_which_too_little_is_left_says_so_too(
    product: Product, run: Run[Any], alice: Person, road: Road, stream: bool
) -> None:
    leave(run, alice, 900)
    trip = journey(product, road, alice, "tokens=3000", max_tokens=4000, stream=stream)

    with trip.sent() as line:
        said = b"".join(line.events()) if stream else line.answer.read()

    assert QUOTA[road].replace(b" ", b"") in said.replace(b" ", b"")
    assert bucket(alice).used == DAY


def test_an_answer_cut_short_has_the_events_of_a_whole_one_and_costs_what_came(
    product: Product, run: Run[Any], standin: StandIn, alice: Person
) -> None:
    trip = journey(product, MESSAGES, alice, "tokens=3000 gap=3", max_tokens=4000)

    with trip.sent() as line:
        early = line.events(10)
        leave(run, alice, 100)
        told = [json.loads(event.split(b"data: ")[1]) for event in early + line.events()]

    [call] = standin.settled(trip.tag)
    text = "".join(event["delta"].get("text", "") for event in told if event["type"] == "content_block_delta")
    assert [event["type"] for event in told[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    # A count is of a whole text; where it was cut, two halves may count one more than the whole.
    assert told[-2]["usage"]["output_tokens"] - count(text) in (0, 1)
    assert charged_for(resolved(line.request_id)) == call.input_tokens + told[-2]["usage"]["output_tokens"]


def test_what_is_thought_unseen_is_held_whole(run: Run[Any], alice: Person) -> None:
    async def room() -> orders.Room:
        thinking = {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}
        messages = [{"role": "user", "content": "Hello"}]
        body = {"model": MODEL, "max_tokens": 4096, "stream": True, "messages": messages, "thinking": thinking}
        order = Order(alice.caller, request_id(), Turn.Road.MESSAGES, await catalogue.find(MODEL), ModelCall(body))
        return await orders.reserve_room(order, Demo(0), now())

    assert run(room()).output == 4096
