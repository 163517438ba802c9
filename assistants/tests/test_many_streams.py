"""Many streams at once on few database connections, and readers that do not read."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from accounts.tests.factories import Person
from assistants import catalogue, turns
from assistants.models import Turn
from assistants.orders import Order
from assistants.providers.base import ModelCall
from assistants.tests.roads import (
    CHAT,
    MESSAGES,
    MODEL,
    ROADS,
    Line,
    Road,
    billed,
    charged_for,
    journey,
    resolved,
)
from assistants.tests.saying import END, START, Saying, text
from assistants.tests.standin.client import StandIn
from assistants.turns import LiveTurn
from billing import subscriptions
from config.tests.product import Product, eventually
from conftest import Run
from quotas.models import Reservation
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, request_id

STREAMS = 30
SLOWLY = "tokens=120 gap=50"


def open_streams(stack: ExitStack, product: Product, person: Person, *, script: str = SLOWLY) -> list[tuple[str, Line]]:
    """Streams on all roads whose first event has come, with the tag of each."""
    trips = [journey(product, ROADS[number % 3], person, script) for number in range(STREAMS)]
    lines = [(trip.tag, stack.enter_context(trip.sent())) for trip in trips]
    for _, line in lines:
        assert line.event()
    return lines


@pytest.fixture
def big(alice: Person) -> Person:
    subscriptions.put_on_plan(alice.workspace, "scale", at=now())
    return alice


def pending(person: Person) -> int:
    return Reservation.objects.filter(workspace=person.workspace, state="pending").count()


def test_thirty_streams_at_once_all_come_to_their_end(product: Product, standin: StandIn, big: Person) -> None:
    with ExitStack() as stack:
        lines = open_streams(stack, product, big)
        assert pending(big) == STREAMS
        told = [(tag, line.request_id, b"".join(line.events())) for tag, line in lines]

    for number, (tag, name, said) in enumerate(told):
        assert ROADS[number % 3].end in said
        [call] = standin.settled(tag)
        assert charged_for(resolved(name)) == billed(call)
    assert (bucket(big).reserved, bucket(big, "requests").used) == (0, STREAMS)


def test_usage_is_readable_while_thirty_streams_are_open(product: Product, big: Person) -> None:
    with ExitStack() as stack:
        open_streams(stack, product, big)
        begun = time.monotonic()
        usage = product.http.get("/api/v1/quotas/usage/current", headers=big.headers)
        took = time.monotonic() - begun
        assert pending(big) == STREAMS

    requests = next(limit for limit in usage.json()["limits"] if limit["meter"] == "requests")
    assert requests["reserved"] == STREAMS
    assert took < 1


def test_thirty_who_hang_up_together_are_all_settled_within_five_seconds(product: Product, big: Person) -> None:
    with ExitStack() as stack:
        open_streams(stack, product, big)

    eventually(lambda: pending(big) == 0, within=5)
    states = Reservation.objects.filter(workspace=big.workspace).values_list("state", flat=True)
    assert set(states) == {"settled"}


@pytest.mark.parametrize("road", [MESSAGES, CHAT], ids=str)
def test_a_reader_who_pauses_misses_nothing(product: Product, standin: StandIn, alice: Person, road: Road) -> None:
    trip = journey(product, road, alice, "tokens=400 gap=0")

    with trip.sent() as line:
        line.event()
        standin.settled(trip.tag)
        said = b"".join(line.events())

    assert road.end in said


# ---- who does not read is let go


async def stalled(person: Person) -> tuple[LiveTurn, int]:
    """A turn whose only listener reads nothing while the answer comes, and then what is there: how many pieces."""
    body = {"model": MODEL, "max_tokens": 4000, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    offer = await catalogue.find(MODEL)
    order = Order(person.caller, request_id(), Turn.Road.MESSAGES, offer, ModelCall(body))
    turn = await turns.start(order, Saying([START, *[text("word ")] * 1000, END]), at=now())
    listener = turn.listener
    async with asyncio.timeout(3):
        await asyncio.wait([turn.task])
        pieces = [piece async for piece in listener.pieces()]
    return turn, len(pieces)


def test_who_does_not_read_is_let_go_and_charged_for_what_came(
    run: Run[Any], alice: Person, settings: Settings
) -> None:
    settings.STALLED_LISTENER_SECONDS = 0.1
    settings.KEEP_ALIVE_SECONDS = 0.1

    turn, pieces = run(stalled(alice))

    assert pieces < 300
    assert turn.failure is not None
    found = Reservation.objects.get(id=turn.admission.reservation_id)
    assert (found.state, found.basis) == ("settled", "estimated")
