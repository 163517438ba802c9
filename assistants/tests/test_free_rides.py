"""Ways to be served and not charged, each tried once by somebody who attacked the product."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants import catalogue, estimates, running, turns
from assistants.errors import InvalidRequest
from assistants.models import Turn
from assistants.orders import Order
from assistants.providers.base import ModelCall
from assistants.tests.saying import END, START, Saying, text
from assistants.turns import LiveTurn
from assistants.wire import anthropic
from conftest import Run
from quotas.models import Reservation
from quotas.tests.ledger import assert_ledger_is_whole, request_id

MODEL = "claude-sonnet-5-5"
LONG = "word " * 10_000
PIXEL = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x" * 300_000}}
THINKING = (
    b"event: content_block_start\n"
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}\n\n'
)


def asking(*content: Any, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": list(content)}], **more}


async def order_of(person: Person, body: dict[str, Any]) -> Order:
    offer = await catalogue.find(MODEL)
    return Order(person.caller, request_id(), Turn.Road.MESSAGES, offer, ModelCall({**body, "stream": True}))


def test_an_image_weighs_the_same_however_large() -> None:
    assert estimates.prompt_tokens(asking(PIXEL)) < 2_000


@pytest.mark.parametrize(
    "disguised",
    [
        asking({"type": "tool_use", "id": "t", "name": "f", "input": {"type": "image", "source": {}, "x": LONG}}),
        asking({"type": "text", "text": LONG}),
        asking({"type": "image", "x": LONG}),
        asking({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": LONG}]}),
        asking({"type": "text", "text": "Hi"}, tools=[{"type": "image", "source": {}, "description": LONG}]),
        asking({"type": "text", "text": "Hi"}, output_config={"format": {"schema": {"description": LONG}}}),
        asking({"type": "text", "text": "Hi"}, system=[{"type": "text", "text": LONG}]),
    ],
)
def test_what_is_written_weighs_what_it_is_long(disguised: dict[str, Any]) -> None:
    assert estimates.prompt_tokens(disguised) > 10_000


def test_a_document_by_its_address_is_guesswork() -> None:
    inside = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}

    assert estimates.is_guesswork(asking(inside))
    assert estimates.is_guesswork(asking({"type": "tool_result", "content": [inside]}))
    assert not estimates.is_guesswork(asking(PIXEL))


@pytest.mark.parametrize(
    "unpriced",
    [
        {"speed": "fast"},
        {"service_tier": "auto"},
        {"container": "container_1"},
        {"mcp_servers": []},
        {"inference_geo": "us"},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "f"}}]}]},
    ],
    ids=lambda unpriced: next(iter(unpriced)),
)
def test_what_has_no_price_is_refused(unpriced: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="not offered here"):
        anthropic.check({**asking({"type": "text", "text": "Hi"}), **unpriced})


def test_a_beta_that_may_change_a_price_is_taken_off() -> None:
    assert anthropic.allowed_betas("fast-mode-2026-01-01, interleaved-thinking-2025-05-14") == (
        "interleaved-thinking-2025-05-14",
        ["anthropic-beta"],
    )


async def hung_up(person: Person, chunks: list[bytes]) -> LiveTurn:
    """A turn whose client goes at once."""
    order = await order_of(person, asking({"type": "text", "text": "Hi"}))
    turn = await turns.start(order, Saying(chunks), at=now())
    await turn.opened()
    turn.listener.leave()
    await asyncio.wait([turn.task], timeout=3)
    return turn


def test_who_hangs_up_on_thinking_pays_what_the_provider_reports(run: Run[Any], alice: Person) -> None:
    turn = run(hung_up(alice, [START, THINKING, *[text("a")] * 50, END]))

    assert (turn.basis, turn.usage.output) == ("drained", 9)
    assert_ledger_is_whole()


async def leave_after(milliseconds: float, person: Person) -> None:
    order = await order_of(person, asking({"type": "text", "text": "Hi"}))
    beginning = asyncio.create_task(turns.start(order, Saying([START] + [text("a")] * 500), at=now()))
    asyncio.get_running_loop().call_later(milliseconds / 1000, beginning.cancel)
    await asyncio.wait([beginning])


async def leave_at_every_moment(person: Person) -> None:
    """Some of them between the reservation's commit and our hearing of it."""
    for moment in range(40):
        await leave_after(moment / 4, person)
    # What was begun by then goes on by itself; the keeper of leases is among it and never ends first.
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=0.5)
    await running.drain(0)


def test_who_leaves_while_it_begins_leaves_no_hold(run: Run[Any], alice: Person) -> None:
    run(leave_at_every_moment(alice))

    assert not Reservation.objects.filter(workspace=alice.workspace, state="pending").exists()
    assert_ledger_is_whole()
