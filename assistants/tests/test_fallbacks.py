"""Where a model's provider is busy or broken before the first token, another is asked; and only then."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from accounts.models import ApiKey
from accounts.tests.factories import Person
from assistants import catalogue, chain
from assistants.chain import Chain, Link
from assistants.providers.base import ModelCall, ProviderBroken, ProviderBusy, ProviderRejected
from assistants.tests.roads import (
    MESSAGES,
    ROADS,
    Journey,
    Road,
    billed,
    charged_for,
    journey,
    resolved,
    turn_of,
)
from assistants.tests.saying import Saying
from assistants.tests.standin.client import StandIn
from config.tests.product import Product, eventually
from conftest import Run
from quotas.models import Reservation, Rollup
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, charged
from quotas.tests.plans import put_on_plan

CHAINED, SMALL, HAIKU = "open-chained", "open-small", "claude-haiku-5-5"
BUSY = "status=529 on=open-large"


@pytest.fixture
def alice(alice: Person) -> Person:
    """Alice, whose plan has every model."""
    put_on_plan(alice, tokens_day=1_000_000, cost_day=10_000_000, requests_day=1_000)
    return alice


def ask(
    product: Product, person: Person, script: str, *, road: Road = MESSAGES, stream: bool = True, model: str = CHAINED
) -> tuple[Journey, httpx2.Response]:
    trip = journey(product, road, person, script, stream=stream, model=model)
    url = f"http://127.0.0.1:{trip.port}{trip.path}"
    return trip, httpx2.post(url, content=trip.body, headers=trip.headers, timeout=30)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("road", ROADS, ids=str)
def test_another_answers_and_is_paid(
    compatible: Product, standin: StandIn, alice: Person, road: Road, stream: bool
) -> None:
    trip, answer = ask(compatible, alice, f"tokens=30 {BUSY}", road=road, stream=stream)

    *refused, last = standin.settled(trip.tag, at_least=4)
    found = resolved(answer.headers["X-Request-ID"])
    turn = turn_of(found)
    assert (len(refused), last.model, last.state) == (3, SMALL, "finished")
    assert f'"model": "{SMALL}"' in answer.text or f'"model":"{SMALL}"' in answer.text
    assert answer.headers["X-Stipend-Fallback"] == SMALL
    assert (turn.model, turn.asked_model, turn.outcome) == (SMALL, CHAINED, "completed")
    assert turn.tried == [{"model": CHAINED, "provider": "local", "error": "provider_busy"}]
    assert charged_for(found) == billed(last)
    assert charged_for(found, "cost") == -(-(last.input_tokens * 2 + last.output_tokens * 4) // 10)
    assert found.entries.filter(bucket__meter="tokens").count() == 1


def test_the_ledger_knows_whose_work_it_was(compatible: Product, alice: Person) -> None:
    _, answer = ask(compatible, alice, f"tokens=30 {BUSY}")

    found = resolved(answer.headers["X-Request-ID"])
    entry = found.entries.get(bucket__meter="tokens")
    assert (found.model, entry.price[0]["input"]) == (SMALL, 200_000)
    assert set(Rollup.objects.filter(workspace=alice.workspace).values_list("model", flat=True)) == {SMALL}


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        ("status=500", "provider_broken"),
        ("status=401", "provider_misconfigured"),
        ("break=hang", "provider_timeout"),
        ("break=error after=0", "provider_broken"),
        ("break=cut after=0", "provider_broken"),
        ("break=garbage after=0", "provider_broken"),
    ],
)
def test_whatever_befalls_a_provider_before_the_first_token(
    compatible: Product, alice: Person, failing: str, error: str
) -> None:
    _, answer = ask(compatible, alice, f"tokens=30 {failing} on=open-large")

    turn = turn_of(resolved(answer.headers["X-Request-ID"]))
    assert answer.content.count(b"event: message_start") == answer.content.count(b"event: message_stop") == 1
    assert (turn.model, [tried["error"] for tried in turn.tried]) == (SMALL, [error])


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_not_after_the_first_token(compatible: Product, standin: StandIn, alice: Person, road: Road) -> None:
    trip, answer = ask(compatible, alice, "tokens=100 gap=2 break=error after=5 on=open-large", road=road)

    [call] = standin.settled(trip.tag)
    turn = turn_of(resolved(answer.headers["X-Request-ID"]))
    assert road.error in answer.content
    assert (call.model, turn.model, turn.asked_model, turn.tried) == ("open-large", CHAINED, "", [])


def test_not_for_what_the_client_got_wrong(compatible: Product, standin: StandIn, alice: Person) -> None:
    trip, answer = ask(compatible, alice, "status=400 on=open-large")

    assert answer.status_code == 400
    assert len(standin.settled(trip.tag)) == 1
    assert charged(alice) == 0


def test_a_stand_in_that_cannot_do_it_is_passed_over(compatible: Product, standin: StandIn, alice: Person) -> None:
    trip, answer = ask(compatible, alice, "tokens=10 status=400 on=open-small", model="open-away")

    turn = turn_of(resolved(answer.headers["X-Request-ID"]))
    assert [call.model for call in standin.settled(trip.tag, at_least=2)] == [SMALL, HAIKU]
    assert (turn.model, turn.provider, turn.basis) == (HAIKU, "anthropic", "reported")
    assert [tried["error"] for tried in turn.tried] == ["provider_broken", "provider_rejected"]


def test_where_all_fail_the_client_is_told_and_nobody_pays(
    compatible: Product, standin: StandIn, alice: Person
) -> None:
    trip, answer = ask(compatible, alice, "status=529")

    found = resolved(answer.headers["X-Request-ID"])
    turn = turn_of(found)
    assert (answer.status_code, len(standin.settled(trip.tag, at_least=6))) == (529, 6)
    assert (found.state, turn.outcome, turn.model, len(turn.tried)) == ("released", "failed", SMALL, 1)
    assert (charged(alice), bucket(alice).reserved) == (0, 0)


@pytest.mark.parametrize("whose", ["plan", "key"])
def test_only_what_plan_and_key_allow_stands_in(
    compatible: Product, standin: StandIn, alice: Person, whose: str
) -> None:
    if whose == "key":
        ApiKey.objects.filter(pk=alice.caller.key_id or "").update(allowed_models=[CHAINED])
    else:
        plan = put_on_plan(alice, tokens_day=1_000_000)
        plan.allowed_models = [CHAINED]
        plan.save()

    trip, answer = ask(compatible, alice, BUSY)

    assert answer.status_code == 529
    assert len(standin.settled(trip.tag, at_least=3)) == 3


def test_what_is_held_suffices_for_the_dearest(compatible: Product, alice: Person) -> None:
    held = {}
    for model in ("open-cheap", "open-large"):
        _, answer = ask(compatible, alice, "tokens=5", stream=False, model=model)
        held[model] = resolved(answer.headers["X-Request-ID"]).holds.get(bucket__meter="cost").amount

    assert held["open-cheap"] == held["open-large"] > 0


def test_who_hangs_up_while_the_next_is_asked_pays_nothing(
    compatible: Product, standin: StandIn, alice: Person
) -> None:
    trip = journey(compatible, MESSAGES, alice, "tokens=50 first=3000", model="open-away")

    with trip.sent():
        eventually(lambda: bool(standin.bill(trip.tag)), within=10)

    found = resolved(Reservation.objects.get(workspace=alice.workspace).request_id, within=10)
    assert (found.state, found.model, charged(alice)) == ("released", SMALL, 0)


# ---- without a server


async def answered(person: Person, failure: Exception) -> tuple[Any, Chain]:
    """What a crew gets where the model it asks fails; the next is Haiku, whom the demo provider plays here."""
    offer, other = await catalogue.find("claude-sonnet-5-5"), await catalogue.find(HAIKU)
    asked = Chain(Link(offer, Failing(failure)), [other])
    body = {"model": "", "max_tokens": 100_000, "messages": [{"role": "user", "content": "Hello"}]}
    message, _ = await chain.answer(asked, ModelCall(body))
    return message, asked


class Failing(Saying):
    def __init__(self, failure: Exception) -> None:
        super().__init__([], failure=failure)

    async def complete(self, call: ModelCall) -> bytes:
        assert self.failure
        raise self.failure


@pytest.mark.parametrize("failure", [ProviderBusy("Busy."), ProviderBroken("Broken.")])
def test_a_whole_answer_comes_from_the_first_who_gives_one(run: Run[Any], alice: Person, failure: Exception) -> None:
    message, asked = run(answered(alice, failure))

    assert (message["model"], asked.link.offer.slug) == (HAIKU, HAIKU)
    assert [tried["model"] for tried in asked.tried] == ["claude-sonnet-5-5"]


def test_a_rejection_is_told_at_once(run: Run[Any], alice: Person) -> None:
    with pytest.raises(ProviderRejected):
        run(answered(alice, ProviderRejected("No.", status=400, kind="invalid_request_error")))
