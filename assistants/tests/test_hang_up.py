"""Clients that hang up pay for what was delivered, and an allowance can be used to its last token."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants.tests.roads import (
    CHAT,
    CONVERSATION,
    MESSAGES,
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
from assistants.tests.standin.client import StandIn
from billing import subscriptions
from config.tests.product import Product, eventually
from conftest import Run
from quotas import periods
from quotas.models import Reservation
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, charged, hold

SLOWLY = "tokens=200 gap=30"
TO_THE_END = None
# How many events a client reads before it hangs up.
PATIENCE = [0, 1, 30, TO_THE_END]
TIMES = 50


def hang_up_after(trip: Journey, events: int | None) -> str:
    """The request id."""
    with trip.sent() as line:
        assert line.answer.status == 200
        line.events(events)
        return line.request_id


def assert_paid_for_what_came(request_id: str, trip: Journey, standin: StandIn, *, whole: bool) -> None:
    found = resolved(request_id)
    [call] = standin.settled(trip.tag)
    assert found.state == "settled"
    assert found.basis in (["reported"] if whole else ["estimated", "drained"])
    assert_close(charged_for(found), billed(call))
    assert charged_for(found, "requests") == 1


# ---- streams


@pytest.mark.parametrize("events", PATIENCE)
@pytest.mark.parametrize("road", ROADS, ids=str)
def test_who_hangs_up_pays_for_what_was_delivered(
    product: Product, standin: StandIn, alice: Person, road: Road, events: int | None
) -> None:
    trip = journey(product, road, alice, SLOWLY)

    request_id = hang_up_after(trip, events)

    assert_paid_for_what_came(request_id, trip, standin, whole=events is TO_THE_END)


@pytest.mark.slow
@pytest.mark.parametrize("events", PATIENCE)
@pytest.mark.parametrize("road", ROADS, ids=str)
def test_fifty_who_hang_up_pay_for_what_was_delivered(
    product: Product, standin: StandIn, alice: Person, road: Road, events: int | None
) -> None:
    subscriptions.put_on_plan(alice.workspace, "scale", at=now())
    # The first hang-up of a process loads what counts tokens, and events that come meanwhile are not seen.
    resolved(hang_up_after(journey(product, road, alice, SLOWLY), 1))
    trips = [journey(product, road, alice, SLOWLY) for _ in range(TIMES)]

    with ThreadPoolExecutor(5) as clients:
        names = list(clients.map(lambda trip: hang_up_after(trip, events), trips))

    for name, trip in zip(names, trips, strict=True):
        assert_paid_for_what_came(name, trip, standin, whole=events is TO_THE_END)
    assert bucket(alice).reserved == 0


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_the_provider_is_told_to_stop_when_nobody_listens(
    product: Product, standin: StandIn, alice: Person, road: Road
) -> None:
    trip = journey(product, road, alice, "tokens=300 gap=50")

    hang_up_after(trip, 1)

    [call] = standin.settled(trip.tag)
    assert call.state == "hung_up"
    assert call.output_tokens < 150


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_who_hangs_up_before_anything_came_pays_nothing(
    product: Product, standin: StandIn, alice: Person, road: Road
) -> None:
    trip = journey(product, road, alice, "tokens=20 first=4000")

    with trip.sent():
        eventually(lambda: standin.bill(trip.tag))

    [found] = Reservation.objects.filter(workspace=alice.workspace)
    assert resolved(found.request_id).state == "released"
    assert charged(alice) == 0


def test_a_hang_up_is_on_record_as_incomplete(product: Product, alice: Person) -> None:
    request_id = hang_up_after(journey(product, MESSAGES, alice, SLOWLY), 10)

    turn = turn_of(resolved(request_id))

    assert (turn.outcome, turn.basis) == ("incomplete", "estimated")
    assert turn.input_tokens + turn.output_tokens == charged_for(turn.reservation)
    assert turn.cost > 0


# ---- answers that come whole


@pytest.mark.parametrize("road", [MESSAGES, CHAT], ids=str)
def test_who_does_not_stream_and_hangs_up_pays_for_the_answer(
    product: Product, standin: StandIn, alice: Person, road: Road
) -> None:
    trip = journey(product, road, alice, "tokens=60 gap=20", stream=False)

    with trip.sent():
        eventually(lambda: standin.bill(trip.tag))

    [call] = standin.settled(trip.tag)
    [found] = Reservation.objects.filter(workspace=alice.workspace)
    assert charged_for(resolved(found.request_id)) == billed(call)
    assert call.state == "finished"


def test_who_waits_for_a_reply_and_hangs_up_pays_for_what_came(
    product: Product, standin: StandIn, alice: Person
) -> None:
    trip = journey(product, CONVERSATION, alice, SLOWLY, stream=False)

    with trip.sent():
        eventually(lambda: [call for call in standin.bill(trip.tag) if call.output_tokens > 20])

    [found] = Reservation.objects.filter(workspace=alice.workspace)
    assert_paid_for_what_came(found.request_id, trip, standin, whole=False)


# ---- the whole allowance


def use_up(product: Product, person: Person) -> int:
    """Use the free plan's day; how many requests that took."""
    for number in range(1, 20):
        if charged(person) == 10_000:
            return number
        trip = journey(product, MESSAGES, person, "tokens=4000", max_tokens=4000)
        assert resolved(hang_up_after(trip, TO_THE_END)).state == "settled"
    raise AssertionError("the allowance has no end")


@pytest.fixture
def spent(product: Product, alice: Person) -> Person:
    """Somebody who has used the day's tokens to the last."""
    use_up(product, alice)
    return alice


def ask(product: Product, road: Road, person: Person) -> Any:
    path = road.path(person)
    return product.http.post(path, json=road.body("Hello", max_tokens=10, stream=False), headers=person.headers)


def test_a_days_tokens_are_used_to_the_last(product: Product, alice: Person) -> None:
    assert use_up(product, alice) <= 5

    assert (bucket(alice).used, bucket(alice).reserved) == (10_000, 0)


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_who_has_used_the_last_token_is_refused(product: Product, spent: Person, road: Road) -> None:
    at = now()

    refused = ask(product, road, spent)

    said = str(refused.json())
    assert refused.status_code == 429
    assert refused.headers["x-should-retry"] == "false"
    assert "10,000 tokens a day" in said
    assert f"{midnight(spent, at):%Y-%m-%dT%H:%M:%SZ}" in said
    assert refused.headers["X-Request-ID"] in said


def test_each_road_refuses_in_its_own_shape(product: Product, spent: Person) -> None:
    messages, chat, conversation = (ask(product, road, spent) for road in ROADS)

    assert messages.json()["error"]["type"] == "rate_limit_error"
    assert (chat.json()["error"]["type"], chat.json()["error"]["code"]) == ("insufficient_quota", "insufficient_quota")
    assert conversation.json()["code"] == "quota_exceeded"
    assert conversation.json()["violated-policies"] == ["tokens-day"]
    assert conversation.json()["decision"].endswith(conversation.headers["X-Request-ID"])


def test_a_refusal_can_be_read_as_a_decision(product: Product, spent: Person, charlie: Person) -> None:
    refused = ask(product, CONVERSATION, spent).json()

    decision = product.http.get(refused["decision"], headers=spent.headers)
    tokens = next(limit for limit in decision.json()["limits"] if limit["meter"] == "tokens")
    assert decision.json()["admitted"] is False
    assert (tokens["limit"], tokens["used"], tokens["window"]) == (10_000, 10_000, "day")
    assert datetime.fromisoformat(tokens["resets_at"]) == datetime.fromisoformat(refused["resets_at"])
    assert product.http.get(refused["decision"], headers=charlie.headers).status_code == 404


def test_nothing_is_asked_of_the_provider_when_it_is_refused(product: Product, standin: StandIn, spent: Person) -> None:
    trip = journey(product, MESSAGES, spent, "tokens=5")

    with trip.sent() as line:
        assert line.answer.status == 429

    assert standin.bill(trip.tag) == []
    assert bucket(spent, "requests").reserved == 0


def test_the_next_day_has_its_own_tokens(run: Run[Any], spent: Person) -> None:
    assert run(hold(spent, 10_000, at=now() + timedelta(days=1))).held("tokens") == 10_000


def midnight(person: Person, at: datetime) -> datetime:
    return periods.day_at(at, person.caller.zone).ends_at
