"""A deploy and a crash, with many streams open."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants.models import Message
from assistants.tests.roads import ROADS, Line, assert_close, billed, charged_for, journey
from assistants.tests.standin.client import StandIn
from billing import subscriptions
from config.tests.product import Product, eventually, started
from quotas.models import Reservation
from quotas.sweeping import sweep_reservations
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, let_lease_run_out

pytestmark = pytest.mark.slow

STREAMS = 60
SLOWLY = "tokens=1000 gap=50"


@pytest.fixture
def doomed(database: None, standin: StandIn) -> Iterator[Product]:
    """A product of our own, to be killed."""
    environment = {"ANTHROPIC_API_KEY": "sk-standin", "ANTHROPIC_BASE_URL": standin.url, "DATABASE_POOL_SIZE": "4"}
    with started(environment) as running:
        yield running


@pytest.fixture
def big(alice: Person) -> Person:
    subscriptions.put_on_plan(alice.workspace, "scale", at=now())
    return alice


def open_streams(stack: ExitStack, product: Product, person: Person, script: str = SLOWLY) -> dict[str, Line]:
    """Streams on all roads whose first events have come, by the tag of each."""
    trips = [journey(product, ROADS[number % 3], person, script, max_tokens=1000) for number in range(STREAMS)]
    lines = {trip.tag: stack.enter_context(trip.sent()) for trip in trips}
    for line in lines.values():
        assert len(line.events(5)) == 5
    return lines


def rests(lines: dict[str, Line]) -> list[bytes]:
    """What each of them still gets, read at the same time."""
    with ThreadPoolExecutor(STREAMS) as clients:
        return list(clients.map(lambda line: b"".join(line.events()), lines.values()))


def stopped(product: Product) -> bool:
    """By the signal and not by a fault."""
    return product.process.wait(timeout=20) in (0, -signal.SIGTERM)


def reservations(person: Person) -> dict[str, Reservation]:
    return {found.request_id: found for found in Reservation.objects.filter(workspace=person.workspace)}


# ---- a deploy


def test_a_deploy_ends_every_stream_with_a_word_and_settles_it(doomed: Product, standin: StandIn, big: Person) -> None:
    with ExitStack() as stack:
        lines = open_streams(stack, doomed, big)
        doomed.signal(signal.SIGTERM)
        told = rests(lines)
        names = {tag: line.request_id for tag, line in lines.items()}

    assert stopped(doomed)
    found = reservations(big)
    for number, (tag, said) in enumerate(zip(names, told, strict=True)):
        assert ROADS[number % 3].error in said
        assert ROADS[number % 3].end not in said
        [call] = standin.settled(tag)
        assert_close(charged_for(found[names[tag]]), billed(call))
    assert {(row.state, row.basis) for row in found.values()} == {("settled", "estimated")}


def test_a_deploy_lets_streams_end_that_soon_end(doomed: Product, standin: StandIn, big: Person) -> None:
    with ExitStack() as stack:
        lines = open_streams(stack, doomed, big, "tokens=60 gap=50")
        doomed.signal(signal.SIGTERM)
        told = rests(lines)

    assert stopped(doomed)
    assert all(ROADS[number % 3].end in said for number, said in enumerate(told))
    assert {(row.state, row.basis) for row in reservations(big).values()} == {("settled", "reported")}


def test_two_signals_settle_as_one_does(doomed: Product, big: Person) -> None:
    with ExitStack() as stack:
        lines = open_streams(stack, doomed, big)
        doomed.signal(signal.SIGTERM)
        doomed.signal(signal.SIGTERM)
        rests(lines)

    assert stopped(doomed)
    assert {row.state for row in reservations(big).values()} == {"settled"}


# ---- a crash


def kill(product: Product, person: Person) -> None:
    """With no chance for a last word, once every stream has a checkpoint."""
    without = Reservation.objects.filter(workspace=person.workspace, checkpoint={})
    eventually(lambda: not without.exists(), within=10)
    product.signal(signal.SIGKILL)
    product.process.wait(timeout=10)


def test_what_a_crash_left_is_expired_with_what_was_delivered(doomed: Product, standin: StandIn, big: Person) -> None:
    with ExitStack() as stack:
        lines = open_streams(stack, doomed, big)
        kill(doomed, big)
        names = {tag: line.request_id for tag, line in lines.items()}

    assert {row.state for row in reservations(big).values()} == {"pending"}
    let_lease_run_out(workspace=big.workspace)
    assert sweep_reservations() >= STREAMS

    found = reservations(big)
    assert {(row.state, row.basis) for row in found.values()} == {("expired", "estimated")}
    assert bucket(big).reserved == 0
    for tag, name in names.items():
        [call] = standin.settled(tag)
        # A checkpoint is at most two seconds old: about a hundred tokens of these streams.
        assert billed(call) - 150 <= charged_for(found[name]) <= billed(call) * 1.2


def test_a_crash_leaves_replies_as_far_as_they_came(doomed: Product, big: Person) -> None:
    replies = Message.objects.filter(conversation__workspace=big.workspace, state="streaming")

    with ExitStack() as stack:
        open_streams(stack, doomed, big)
        eventually(lambda: replies.exclude(text="").count() == STREAMS // 3, within=10)
        kill(doomed, big)

    assert replies.exclude(text="").count() == STREAMS // 3
