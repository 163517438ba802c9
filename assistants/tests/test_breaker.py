"""A provider that fails again and again is left alone for a while, and asked again by one call first."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import pytest

from accounts.tests.factories import Person
from assistants import catalogue, chain
from assistants.chain import Chain, Link
from assistants.providers.base import (
    ModelCall,
    ProviderBroken,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderTimeout,
)
from assistants.providers.breaker import Breaker, LeftAlone, Terms
from assistants.tests.conftest import beside
from assistants.tests.standin.client import StandIn
from assistants.tests.test_fallbacks import Failing
from config.tests.product import Product, started
from conftest import UNHURRIED, Run, behind
from quotas.tests.plans import put_on_plan

BROKEN, BUSY = ProviderBroken("Broken."), ProviderBusy("Busy.")
REJECTED = ProviderRejected("No.", status=400, kind="invalid_request_error")


@pytest.fixture
def breaker() -> Breaker:
    """Opens for 30 s at the third failure in 60 s; for 5 s at the fifth time in 20 s that the provider is busy."""
    return Breaker("groq", broken=Terms(3, 60, 30), busy=Terms(5, 20, 5))


def fail(breaker: Breaker, *moments: float, failure: ProviderError = BROKEN) -> None:
    for at in moments:
        breaker.ask(at)
        breaker.failed(failure, at, at)


@pytest.mark.parametrize("failure", [BROKEN, ProviderTimeout("Late."), ProviderMisconfigured("Key.")])
def test_it_opens_after_so_many_failures_in_a_row(breaker: Breaker, failure: ProviderError) -> None:
    fail(breaker, 1, 2, failure=failure)
    assert breaker.state == "closed"

    fail(breaker, 3, failure=failure)

    assert breaker.state == "open"
    with pytest.raises(LeftAlone) as refusal:
        breaker.ask(13.5)
    assert (refusal.value.retry_after, refusal.value.code) == (20, "provider_busy")


def test_an_answer_or_a_mistake_of_the_clients_begins_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, 1, 2)
    breaker.answered(3)
    fail(breaker, 4, 5)
    breaker.failed(REJECTED, 6, 6)
    fail(breaker, 7, 8)

    assert breaker.state == "closed"


def test_failures_long_ago_do_not_count(breaker: Breaker) -> None:
    fail(breaker, 1, 2, 62.5)

    assert breaker.state == "closed"


def test_being_busy_is_counted_on_terms_of_its_own(breaker: Breaker) -> None:
    fail(breaker, 1, 2, 3, 4, failure=BUSY)
    fail(breaker, 4, 4)
    assert breaker.state == "closed"

    fail(breaker, 5, failure=BUSY)

    with pytest.raises(LeftAlone):
        breaker.ask(9)
    breaker.ask(10)


def test_one_call_is_let_through_after_the_pause_and_closes_it(
    breaker: Breaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    fail(breaker, 1, 2, 3)

    breaker.ask(33)

    assert breaker.state == "half-open"
    with pytest.raises(LeftAlone):
        breaker.ask(34)
    breaker.answered(33)
    assert breaker.state == "closed"
    breaker.ask(34)
    assert caplog.messages == ["provider groq is left alone for 30 s", "provider groq answers again"]


def test_it_opens_again_where_that_call_fails(breaker: Breaker) -> None:
    fail(breaker, 1, 2, 3, 33)

    assert breaker.state == "open"
    with pytest.raises(LeftAlone):
        breaker.ask(62)
    breaker.ask(63)


def test_where_nobody_hears_of_that_call_another_is_let_through(breaker: Breaker) -> None:
    fail(breaker, 1, 2, 3)
    breaker.ask(33)

    breaker.ask(63)

    breaker.answered(63)
    assert breaker.state == "closed"


def test_calls_from_before_it_opened_change_nothing(breaker: Breaker) -> None:
    fail(breaker, 1, 2, 3)

    breaker.answered(2.5)
    breaker.failed(BROKEN, 2.5, 20)

    assert breaker.state == "open"
    breaker.ask(33)


async def asked(failing: Failing) -> ProviderError:
    offer = await catalogue.find("claude-sonnet-5-5")
    body = {"model": "", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}]}
    with pytest.raises(ProviderError) as told:
        await chain.answer(Chain(Link(offer, failing)), ModelCall(body))
    return told.value


def test_whoever_asks_is_told_at_once(run: Run[Any], settings: Any, database: None) -> None:
    settings.PROVIDER_BROKEN_TERMS = (2, 60, 30)
    failing = Failing(BROKEN)
    failing.name = uuid4().hex

    told = [run(asked(failing)) for _ in range(3)]

    assert [type(failure) for failure in told] == [ProviderBroken, ProviderBroken, LeftAlone]


@pytest.mark.slow
def test_everybody_sees_it(database: None, compatible: Product, standin: StandIn, alice: Person) -> None:
    """`compatible` is asked for its models alone: they are in the database then."""
    put_on_plan(alice, tokens_day=1_000_000)
    body = {"model": "open-alone", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}]}

    with started(UNHURRIED | behind(standin) | beside(standin) | {"BREAKER_FAILURES": "2"}) as product:
        answers = [product.http.post("/v1/chat/completions", json=body, headers=alice.headers) for _ in range(3)]
        health = product.http.get("/health/").json()

    assert [answer.status_code for answer in answers] == [502, 502, 503]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 30
    assert (health["ready"], health["providers"]) == (True, {"anthropic": "closed", "local": "closed", "away": "open"})
