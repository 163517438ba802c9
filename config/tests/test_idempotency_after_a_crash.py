"""A process is killed with keyed writes in its hands: who asks again is never charged twice."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx2
import pytest
from django.utils.timezone import now

from accounts.models import IdempotentRequest
from accounts.tests.factories import Person
from assistants.models import Message
from assistants.tests.roads import CHAT, CONVERSATION, MESSAGES, ROADS, Journey, Road, journey
from assistants.tests.standin.client import StandIn
from config.tests.product import Product, eventually, started
from quotas.models import Reservation
from quotas.sweeping import sweep_reservations
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import charged, let_lease_run_out

pytestmark = pytest.mark.slow

SLOWLY = "tokens=300 gap=50"
NOTHING_AT_FIRST = "tokens=5 break=hang after=0 times=1"


@pytest.fixture
def doomed(database: None, standin: StandIn) -> Iterator[Product]:
    """A product of our own, to be killed."""
    with started({"ANTHROPIC_API_KEY": "sk-standin", "ANTHROPIC_BASE_URL": standin.url}) as running:
        yield running


def keyed(product: Product, road: Road, person: Person, script: str, *, stream: bool) -> Journey:
    trip = journey(product, road, person, script, stream=stream)
    return replace(trip, headers={**trip.headers, "idempotency-key": str(uuid.uuid4())})


def again(product: Product, trip: Journey) -> httpx2.Response:
    """The same request, to a product that lives."""
    return product.http.post(trip.path, content=trip.body, headers=trip.headers)


def codes(product: Product, trips: list[Journey]) -> list[str]:
    found = [again(product, trip).json() for trip in trips]
    return [body.get("code") or body["error"].get("code") or body["error"]["message"] for body in found]


def test_after_a_crash_nothing_is_charged_twice(
    doomed: Product, product: Product, standin: StandIn, alice: Person
) -> None:
    streams = [keyed(doomed, road, alice, SLOWLY, stream=True) for road in ROADS]
    silent = keyed(doomed, CHAT, alice, NOTHING_AT_FIRST, stream=False)
    checkpoints = Reservation.objects.filter(workspace=alice.workspace).exclude(checkpoint={})

    with ExitStack() as stack:
        for trip in [*streams, silent]:
            stack.enter_context(trip.sent())
        eventually(lambda: checkpoints.count() == len(streams) and standin.bill(silent.tag), within=10)
        doomed.signal(signal.SIGKILL)
        doomed.process.wait(timeout=10)
    at_once = codes(product, [*streams, silent])
    long_ago = now().replace(year=2020)
    IdempotentRequest.objects.filter(user=alice.user).update(lease_until=long_ago)
    Message.objects.filter(conversation__user=alice.user).update(updated_at=long_ago)
    let_lease_run_out(workspace=alice.workspace)
    unswept = codes(product, [*streams, silent])
    sweep_reservations()
    paid = charged(alice)
    by_road = {road: again(product, trip) for road, trip in zip(ROADS, streams, strict=True)}

    assert ["under way" in said or said == "idempotency_key_in_use" for said in at_once + unswept] == [True] * 8
    assert (by_road[MESSAGES].status_code, by_road[CHAT].status_code) == (409, 409)
    assert by_road[CHAT].json()["error"]["code"] == "answer_not_kept"
    # What a conversation was told is kept as it came.
    assert b"event: text" in by_road[CONVERSATION].content
    assert CONVERSATION.error in by_road[CONVERSATION].content
    assert by_road[CONVERSATION].headers["idempotent-replayed"] == "true"
    assert charged(alice) == paid > 0
    anew = again(product, silent)
    assert anew.status_code == 200
    assert again(product, silent).content == anew.content
    assert charged(alice) == paid + anew.json()["usage"]["total_tokens"]
    assert [len(standin.bill(trip.tag)) for trip in [*streams, silent]] == [1, 1, 1, 2]
