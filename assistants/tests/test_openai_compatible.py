"""A server that speaks OpenAI's format is a provider like Anthropic: on every road, charged alike, failing alike."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import anthropic
import httpx2
import pytest

from accounts.tests.factories import Person
from assistants import catalogue
from assistants.providers.base import ProviderBroken, ProviderError, ProviderRejected
from assistants.providers.openai_compatible import failure
from assistants.providers.openai_compatible.answered import Events, message_of
from assistants.providers.openai_compatible.asked import to_chat
from assistants.reading import Reading
from assistants.tests.roads import (
    CHAT,
    CONVERSATION,
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
from assistants.tests.standin.client import StandIn
from config.tests.product import Product
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, charged
from quotas.tests.plans import put_on_plan

LARGE = "open-large"
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather somewhere.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
BUSY = {MESSAGES: 529, CHAT: 503, CONVERSATION: 503}
LATE = dict.fromkeys(ROADS, 504)
BROKEN = dict.fromkeys(ROADS, 502)


@pytest.fixture
def alice(alice: Person) -> Person:
    """Alice, whose plan has every model."""
    put_on_plan(alice, tokens_day=1_000_000, cost_day=10_000_000, requests_day=1_000)
    return alice


def trip_to(
    product: Product, person: Person, script: str, *, road: Road = MESSAGES, stream: bool = True, max_tokens: int = 400
) -> Journey:
    return journey(product, road, person, script, stream=stream, max_tokens=max_tokens, model=LARGE)


def send(trip: Journey) -> httpx2.Response:
    url = f"http://127.0.0.1:{trip.port}{trip.path}"
    return httpx2.post(url, content=trip.body, headers=trip.headers, timeout=30)


# ---- it answers


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("road", ROADS, ids=str)
def test_an_answer_is_charged_as_the_server_bills_it(
    compatible: Product, standin: StandIn, alice: Person, road: Road, stream: bool
) -> None:
    trip = trip_to(compatible, alice, "tokens=60 cache_read=100", road=road, stream=stream)

    answer = send(trip)

    [call] = standin.settled(trip.tag)
    found = resolved(answer.headers["X-Request-ID"])
    turn = turn_of(found)
    assert road.end in answer.content or not stream
    assert (found.state, found.basis, call.model) == ("settled", "reported", LARGE)
    assert charged_for(found) == billed(call) + call.cache_read_input_tokens
    assert (turn.provider, turn.model, turn.outcome) == ("local", LARGE, "completed")
    assert (turn.input_tokens, turn.cache_read_tokens) == (call.input_tokens, 100)
    assert charged_for(found, "cost") == turn.cost > 0


def test_a_tool_is_called_and_its_result_is_read(compatible: Product, standin: StandIn, alice: Person) -> None:
    client = anthropic.Anthropic(api_key=alice.api_key, base_url=compatible.url, max_retries=0)
    asked: list[Any] = [{"role": "user", "content": "How is the weather? [[tool=get_weather tokens=5]]"}]

    with client.messages.stream(model=LARGE, max_tokens=200, messages=asked, tools=[WEATHER]) as stream:
        first: Any = stream.get_final_message()
    used = first.content[-1]
    assert (first.stop_reason, used.type) == ("tool_use", "tool_use")
    result = {"type": "tool_result", "tool_use_id": used.id, "content": "22 degrees"}
    asked += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second: Any = client.messages.create(model=LARGE, max_tokens=200, messages=asked, tools=[WEATHER])

    assert used.input == {"city": "Berlin"}
    assert [block.type for block in first.content] == ["text", "tool_use"]
    assert 'The tool says "22 degrees"' in second.content[0].text


@pytest.mark.parametrize(("model", "dropped"), [(LARGE, "top_k"), ("open-away", "temperature, top_k")])
def test_how_it_samples_may_be_asked_where_every_model_of_the_chain_takes_that(
    compatible: Product, standin: StandIn, alice: Person, model: str, dropped: str
) -> None:
    for road in (MESSAGES, CHAT):
        tag = uuid4().hex
        body = road.body(f"Hello [[tag={tag}]]", max_tokens=20, stream=False, model=model)

        asked = {**body, "temperature": 0.5, "top_k": 4}
        answer = compatible.http.post(road.path(alice), json=asked, headers=alice.headers)

        [call] = standin.settled(tag)
        assert sorted(answer.headers["x-stipend-dropped"].split(", ")) == dropped.split(", ")
        assert ("temperature" in call.request) == ("temperature" not in dropped)


def test_a_server_that_reports_no_usage_is_paid_by_an_estimate(
    compatible: Product, standin: StandIn, alice: Person
) -> None:
    for stream in (True, False):
        trip = trip_to(compatible, alice, "tokens=200 unreported=1", stream=stream)

        answer = send(trip)

        [call] = standin.settled(trip.tag)
        found = resolved(answer.headers["X-Request-ID"])
        assert b'"estimated": true' in answer.content
        assert (found.state, found.basis, turn_of(found).outcome) == ("settled", "estimated", "completed")
        assert abs(charged_for(found) - billed(call)) < billed(call) * 0.25


def test_who_hangs_up_pays_an_estimate_of_what_came(compatible: Product, standin: StandIn, alice: Person) -> None:
    trip = trip_to(compatible, alice, "tokens=200 gap=30")

    with trip.sent() as line:
        line.events(30)
        request_id = line.request_id

    [call] = standin.settled(trip.tag)
    found = resolved(request_id)
    assert (call.state, found.state, found.basis) == ("hung_up", "settled", "estimated")
    assert abs(charged_for(found) - billed(call)) < billed(call) * 0.25


def test_its_tokens_are_counted_without_asking_it(compatible: Product, standin: StandIn, alice: Person) -> None:
    body = {"model": LARGE, "messages": [{"role": "user", "content": "x" * 4000}]}
    calls = len(standin.bill())

    answer = compatible.http.post("/v1/messages/count_tokens", json=body, headers=alice.headers)

    assert 1000 <= answer.json()["input_tokens"] <= 1100
    assert len(standin.bill()) == calls


def test_a_model_is_on_offer_where_its_provider_has_settings(
    compatible: Product, product: Product, alice: Person
) -> None:
    def offered(where: Product) -> set[str]:
        return {model["id"] for model in where.http.get("/v1/models", headers=alice.headers).json()["data"]}

    assert offered(compatible) - offered(product) >= {LARGE, "open-small"}
    assert "open-nowhere" not in offered(compatible)
    assert send(trip_to(product, alice, "tokens=5")).status_code == 404


# ---- it fails


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("script", "calls", "told"),
    [("status=429", 3, BUSY), ("status=500", 3, BROKEN), ("status=401", 1, BROKEN), ("break=hang", 1, LATE)],
    ids=["429", "500", "401", "hang"],
)
def test_a_refusal_costs_nothing(
    compatible: Product, standin: StandIn, alice: Person, stream: bool, script: str, calls: int, told: dict[Road, int]
) -> None:
    trip = trip_to(compatible, alice, script, stream=stream)

    answer = send(trip)

    assert answer.status_code == told[MESSAGES]
    assert len(standin.settled(trip.tag)) == calls
    assert resolved(answer.headers["X-Request-ID"]).state == "released"
    assert (charged(alice), bucket(alice).reserved) == (0, 0)


@pytest.mark.parametrize("broken", ["error", "cut", "reset", "garbage", "silence"])
@pytest.mark.parametrize("road", [MESSAGES, CONVERSATION], ids=str)
def test_a_stream_broken_off_ends_in_an_error_and_costs_what_came(
    compatible: Product, standin: StandIn, alice: Person, road: Road, broken: str
) -> None:
    trip = trip_to(compatible, alice, f"tokens=200 gap=5 break={broken} after=20", road=road)

    answer = send(trip)

    [call] = standin.settled(trip.tag)
    found = resolved(answer.headers["X-Request-ID"])
    assert road.error in answer.content
    assert road.end not in answer.content
    assert (found.state, found.basis, turn_of(found).outcome) == ("settled", "estimated", "incomplete")
    assert abs(charged_for(found) - billed(call)) < billed(call) * 0.25


@pytest.mark.parametrize("broken", ["cut", "reset", "garbage", "silence"])
def test_a_whole_answer_broken_off_is_an_error_and_costs_nothing(
    compatible: Product, alice: Person, broken: str
) -> None:
    answer = send(trip_to(compatible, alice, f"tokens=200 break={broken}", stream=False))

    assert answer.status_code == (504 if broken == "silence" else 502)
    assert charged(alice) == 0


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"message": "too long"}}, "provider_rejected"),
        (400, {"object": "error", "message": "too long"}, "provider_rejected"),
        (422, {"error": "too long"}, "provider_rejected"),
        (404, {"error": {"message": "no such model"}}, "provider_misconfigured"),
        (429, {"error": {"code": "insufficient_quota"}}, "provider_misconfigured"),
        (429, None, "provider_busy"),
        (503, "loading", "provider_busy"),
        (500, [], "provider_broken"),
    ],
)
def test_every_refusal_has_a_word_of_ours(status: int, body: object, kind: str) -> None:
    refused = failure(status, body)

    assert refused.code == kind
    assert (str(refused) == "too long") == (kind == "provider_rejected")


# ---- what is asked


def asked(*content: dict[str, Any], role: str = "user", **more: Any) -> dict[str, Any]:
    return to_chat({"model": "m", "max_tokens": 5, "messages": [{"role": role, "content": [*content]}], **more})


def test_everything_asked_has_its_counterpart() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    results = [{"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "22"}, image]}]

    chat = asked(
        *results,
        {"type": "text", "text": "And now?", "cache_control": {"type": "ephemeral"}},
        system=[{"type": "text", "text": "Be brief."}],
        tools=[WEATHER],
        tool_choice={"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
        stop_sequences=["END"],
        temperature=0.0,
        stream=True,
        thinking={"type": "adaptive"},
        metadata={"user_id": "u1"},
    )

    shown = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    function = {"name": "get_weather", "description": WEATHER["description"], "parameters": WEATHER["input_schema"]}
    assert chat == {
        "model": "m",
        "max_tokens": 5,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "tool", "tool_call_id": "call_1", "content": "22"},
            {"role": "user", "content": [shown, {"type": "text", "text": "And now?"}]},
        ],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "parallel_tool_calls": False,
        "stop": ["END"],
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u1",
    }


def test_what_was_thought_is_not_said_again() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    call = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Köln"}}

    [said] = asked(thought, {"type": "text", "text": "Let me see."}, call, role="assistant")["messages"]

    function = {"name": "get_weather", "arguments": '{"city": "Köln"}'}
    assert said == {
        "role": "assistant",
        "content": "Let me see.",
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }


@pytest.mark.parametrize(
    "block",
    [
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "image"},
        {"no": "type"},
        "text",
    ],
)
def test_what_cannot_be_asked_is_the_clients_to_change(block: Any) -> None:
    with pytest.raises(ProviderRejected):
        asked(block)


# ---- what is answered


def chunk(delta: dict[str, Any] | None = None, reason: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    return b"data: " + json.dumps({"choices": choices, **more}, ensure_ascii=False).encode() + b"\n\n"


def call(index: int, name: str = "", arguments: Any = "", **more: Any) -> dict[str, Any]:
    named = {"name": name} if name else {}
    return {"tool_calls": [{"index": index, "function": {**named, "arguments": arguments}, **more}]}


DONE = b"data: [DONE]\n\n"
HELLO, STOP = chunk({"content": "Hello"}), chunk({}, "stop")


def read(*chunks: bytes) -> tuple[Reading, list[dict[str, Any]]]:
    """What the product makes of it. Raises `ProviderError`."""
    events, reading = Events("m", 10), Reading()
    told = b"".join(events.feed(some) for some in chunks)
    told += b"" if events.failure else events.end()
    piece = reading.feed(told)
    if failure := events.failure or reading.failure:
        raise failure
    return reading, piece.events


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}, (9, 0, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}}, (1, 8, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 9}}, (1, 8, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 31, "prompt_tokens_details": None}, (9, 0, 22)),
    ],
    ids=["plain", "cached", "all cached", "thought beside"],
)
def test_usage_is_told_in_anthropics_way(usage: dict[str, Any], expected: tuple[int, int, int]) -> None:
    reading, _ = read(HELLO, STOP, chunk(usage=usage), DONE)

    assert (reading.usage.input, reading.usage.cache_read, reading.usage.output) == expected
    assert reading.reported


def test_an_answer_may_be_cut_anywhere() -> None:
    whole = b": hello\r\n\r\n" + chunk({"content": "Grüß dich, 世界"}) + STOP.replace(b"\n", b"\r\n") + DONE

    reading, _ = read(*(whole[at : at + 1] for at in range(len(whole))))

    assert (reading.text, reading.stop_reason, reading.ended) == ("Grüß dich, 世界", "end_turn", True)


def test_thinking_text_and_calls_are_blocks_of_their_own() -> None:
    begun = call(0, "look", '{"a"', id="c1")

    reading, events = read(
        chunk({"reasoning_content": "Hm."}), HELLO, chunk(begun), chunk(call(0, arguments=": 1}")),
        chunk(call(1, "look", {"b": 2}, id="c2")), STOP, DONE,
    )  # fmt: skip

    blocks = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    parts = [event["delta"].get("partial_json") for event in events if event["type"] == "content_block_delta"]
    assert blocks == ["thinking", "text", "tool_use", "tool_use"]
    assert parts == [None, None, '{"a"', ": 1}", '{"b": 2}']
    assert [event["type"] for event in events].count("content_block_stop") == 4
    assert (reading.stop_reason, reading.thinks) == ("tool_use", True)


def test_two_calls_of_one_index_are_two() -> None:
    _, events = read(chunk(call(0, "look", "{}", id="c1")), chunk(call(0, "look", "{}", id="c2")), STOP, DONE)

    begun = [event["content_block"]["id"] for event in events if event["type"] == "content_block_start"]
    assert begun == ["c1", "c2"]


@pytest.mark.parametrize("last", [[STOP], [DONE], [STOP, DONE, HELLO]], ids=["no DONE", "no reason", "more"])
def test_an_answer_ends_once(last: list[bytes]) -> None:
    reading, events = read(HELLO, *last)

    assert reading.text == "Hello"
    assert [event["type"] for event in events].count("message_stop") == 1
    assert not reading.reported


@pytest.mark.parametrize(
    "odd",
    [
        b"data: {\n\n",
        b"data: 7\n\n",
        b"data: \xff\n\n",
        b'data: {"choices":7}\n\n',
        b'data: {"choices":["x"]}\n\n',
        chunk({"content": 7}),
        chunk({"tool_calls": ["x"]}),
        chunk(call(0, arguments="{}")),
        chunk(error={"message": "Overloaded"}),
        chunk(error="Overloaded"),
        b"",
    ],
)
def test_what_cannot_be_understood_breaks_the_answer_off(odd: bytes) -> None:
    with pytest.raises(ProviderBroken):
        read(HELLO, odd)


@pytest.mark.parametrize(
    "odd", [b"", b"[]", b"{}", b'{"error":"no"}', b'{"choices":[]}', b'{"choices":[{"message":null}]}']
)
def test_a_whole_answer_that_cannot_be_understood_is_broken(odd: bytes) -> None:
    with pytest.raises(ProviderError):
        message_of(odd, "m", 1)


def test_arguments_cut_at_the_length_are_no_failure_of_the_server() -> None:
    called = {"id": "1", "function": {"name": "get_weather", "arguments": '{"city": "Par'}}
    choice = {"finish_reason": "length", "message": {"tool_calls": [called]}}
    usage = {"prompt_tokens": 7, "completion_tokens": 5}

    message = json.loads(message_of(json.dumps({"choices": [choice], "usage": usage}).encode(), "m", 1))

    assert (message["content"][0]["input"], message["stop_reason"]) == ({}, "max_tokens")
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (7, 5)


def test_a_catalogue_names_who_stands_in_or_leaves_that_to_the_console(database: None, tmp_path: Any) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(
        "- {slug: named, name: Named, provider: somewhere, fallbacks: [open-small], context: 9, max_output: 9, "
        "rank: 510, released: 2026-01-01, prices: {}}"
    )

    catalogue.load(file)
    file.write_text(file.read_text().replace("fallbacks: [open-small], ", ""))
    [model] = catalogue.load(file)

    assert (model.provider, model.fallbacks) == ("somewhere", ["open-small"])
