"""The official SDK of Anthropic against the product: only base URL and key differ."""

import asyncio
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, MessageParam, TextBlock, ThinkingBlock, ToolParam, ToolUseBlock
from django.utils.timezone import now

from accounts import api_keys
from accounts.audit import SYSTEM
from accounts.models import ApiKey
from accounts.tests.factories import Person
from assistants.models import Turn
from assistants.tests.standin.bill import Call
from assistants.tests.standin.client import StandIn
from config.tests.product import Product
from conftest import Run
from quotas import metering
from quotas.metering import Ask
from quotas.models import Decision, Entry, Reservation

MODEL = "claude-sonnet-5-5"
NOT_IN_PLAN = "claude-opus-5-5"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CACHED = "[[cache_read=1000 cache_write=500 cache_write_1h=100]]"
BODY: dict[str, Any] = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}

Asked = Callable[[anthropic.Anthropic, str], Message]


@pytest.fixture
def claude(product: Product, alice: Person) -> Iterator[anthropic.Anthropic]:
    """Alice's SDK. It does not try again unless a test lets it."""
    with anthropic.Anthropic(base_url=product.url, api_key=alice.api_key, max_retries=0) as sdk:
        yield sdk


def user(text: str) -> MessageParam:
    return {"role": "user", "content": text}


def mark(person: Person) -> str:
    """In what is said, it finds the call on the stand-in's bill."""
    return f"[[tag={person.user.email}]]"


def ask(claude: anthropic.Anthropic, text: str, *, max_tokens: int = 100) -> Message:
    return claude.messages.create(model=MODEL, max_tokens=max_tokens, messages=[user(text)])


def ask_streaming(claude: anthropic.Anthropic, text: str) -> Message:
    with claude.messages.stream(model=MODEL, max_tokens=100, messages=[user(text)]) as stream:
        return stream.get_final_message()


def post(claude: anthropic.Anthropic, body: Mapping[str, Any]) -> Message:
    """A body that the SDK's own methods would not let through."""
    return claude.post("/v1/messages", cast_to=Message, body=dict(body))


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if isinstance(block, TextBlock))


def billed(standin: StandIn, person: Person) -> Call:
    return standin.settled(person.user.email)[-1]


def charged(person: Person) -> list[int]:
    entries = Entry.objects.filter(bucket__workspace=person.workspace, bucket__meter="tokens")
    return list(entries.values_list("amount", flat=True))


def spend_all(claude: anthropic.Anthropic) -> Message:
    """Use the day's tokens up to the last one."""
    return ask(claude, "[[tokens=12000]]", max_tokens=12_000)


# ---- text ----------------------------------------------------------------------------------------------------------


def test_it_answers_whole(claude: anthropic.Anthropic) -> None:
    message = ask(claude, "[[say=Good morning.]]")

    assert text_of(message) == "Good morning."
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")


def test_it_streams_text(claude: anthropic.Anthropic) -> None:
    asking = claude.messages

    with asking.stream(model=MODEL, max_tokens=100, messages=[user("[[say=Good morning, all.]]")]) as stream:
        parts = list(stream.text_stream)

    assert "".join(parts) == "Good morning, all."
    assert len(parts) > 1


def test_it_streams_events_in_the_order_of_the_original(claude: anthropic.Anthropic) -> None:
    asking = claude.messages

    events = asking.create(model=MODEL, max_tokens=100, messages=[user("[[tokens=9]]")], stream=True)
    kinds = list(dict.fromkeys(event.type for event in events))

    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert kinds == ["message_start", *block, "message_delta", "message_stop"]


def test_every_event_of_a_stream_bears_the_name_in_its_data(product: Product, alice: Person) -> None:
    answer = product.http.post("/v1/messages", json={**BODY, "stream": True}, headers=alice.headers)

    frames = [frame.split("\n") for frame in answer.text.removesuffix("\n\n").split("\n\n")]
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert {name for name, _ in frames} >= {"event: message_start", "event: ping", "event: message_stop"}
    assert all(name == f"event: {json.loads(data[6:])['type']}" for name, data in frames)


def test_the_asynchronous_client_gets_an_answer(product: Product, alice: Person) -> None:
    async def conversation() -> Message:
        async with anthropic.AsyncAnthropic(base_url=product.url, api_key=alice.api_key, max_retries=0) as asking:
            return await asking.messages.create(model=MODEL, max_tokens=100, messages=[user("[[say=Good evening.]]")])

    assert text_of(asyncio.run(conversation())) == "Good evening."


def test_the_asynchronous_client_streams(product: Product, alice: Person) -> None:
    async def conversation() -> list[str]:
        said = user("[[say=Good night, everybody.]]")
        async with (
            anthropic.AsyncAnthropic(base_url=product.url, api_key=alice.api_key, max_retries=0) as asking,
            asking.messages.stream(model=MODEL, max_tokens=100, messages=[said]) as stream,
        ):
            return [text async for text in stream.text_stream]

    assert "".join(asyncio.run(conversation())) == "Good night, everybody."


def test_the_beta_methods_of_the_sdk_are_served_and_pass_their_flags_on(
    claude: anthropic.Anthropic, standin: StandIn, alice: Person
) -> None:
    claude.beta.messages.create(
        model=MODEL,
        max_tokens=100,
        messages=[{"role": "user", "content": f"Hello {mark(alice)}"}],
        betas=["interleaved-thinking-2025-05-14"],
    )

    assert billed(standin, alice).headers["anthropic-beta"] == "interleaved-thinking-2025-05-14"


def test_the_sdk_may_send_the_key_in_the_older_header(product: Product, alice: Person) -> None:
    answer = product.http.post("/v1/messages", json=BODY, headers={"x-api-key": alice.api_key})

    assert answer.status_code == 200


# ---- usage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [ask, ask_streaming])
def test_it_reports_and_charges_what_the_provider_billed(
    claude: anthropic.Anthropic, standin: StandIn, alice: Person, asked: Asked
) -> None:
    message = asked(claude, f"Hello [[tokens=20]] {mark(alice)}")

    call = billed(standin, alice)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (call.input_tokens, call.output_tokens)
    assert charged(alice) == [call.input_tokens + call.output_tokens]


@pytest.mark.parametrize("asked", [ask, ask_streaming])
def test_it_reports_cached_tokens_as_the_provider_did(claude: anthropic.Anthropic, asked: Asked) -> None:
    usage = asked(claude, f"Hello {CACHED}").usage

    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (1000, 600)
    assert usage.cache_creation
    assert usage.cache_creation.ephemeral_1h_input_tokens == 100


@pytest.mark.parametrize("asked", [ask, ask_streaming])
def test_it_charges_cached_tokens_too(claude: anthropic.Anthropic, alice: Person, asked: Asked) -> None:
    usage = asked(claude, f"Hello {CACHED}").usage

    assert charged(alice) == [usage.input_tokens + 1600 + usage.output_tokens]


@pytest.mark.parametrize("asked", [ask, ask_streaming])
def test_it_records_tokens_by_kind_with_what_they_cost(
    claude: anthropic.Anthropic, alice: Person, asked: Asked
) -> None:
    usage = asked(claude, f"Hello [[tokens=20]] {CACHED}").usage

    turn = Turn.objects.get(workspace=alice.workspace)
    kinds = (turn.cache_read_tokens, turn.cache_write_5m_tokens, turn.cache_write_1h_tokens, turn.output_tokens)
    assert kinds == (1000, 500, 100, 20)
    assert turn.cost == math.ceil(usage.input_tokens * 2 + 20 * 10 + 1000 * 0.1 + 500 * 2.5 + 100 * 4)


def test_the_record_of_a_turn_names_its_request(claude: anthropic.Anthropic, alice: Person) -> None:
    message = ask(claude, "Hello")

    turn = Turn.objects.get(request_id=message._request_id)
    assert (turn.road, turn.model, turn.outcome, turn.basis) == ("messages", MODEL, "completed", "reported")
    assert (turn.api_key_id, turn.stop_reason) == (alice.caller.key_id, "end_turn")


def test_an_answer_says_what_is_left_of_the_day(claude: anthropic.Anthropic) -> None:
    asking = claude.messages.with_raw_response

    answer = asking.create(model=MODEL, max_tokens=100, messages=[user("Hello")])

    limits = {name: value for name, value in answer.headers.items() if name.startswith("anthropic-ratelimit-")}
    assert limits["anthropic-ratelimit-tokens-limit"] == "10000"
    usage = answer.parse().usage
    remaining = str(10_000 - usage.input_tokens - usage.output_tokens)
    for meter in ("tokens", "input-tokens", "output-tokens"):
        assert limits[f"anthropic-ratelimit-{meter}-remaining"] == remaining
    assert (limits["anthropic-ratelimit-requests-limit"], limits["anthropic-ratelimit-requests-remaining"]) == (
        "100",
        "99",
    )
    assert limits["anthropic-ratelimit-tokens-reset"].endswith("Z")


# ---- what passes through -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "passed",
    [
        {"system": "Be brief."},
        {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        {"metadata": {"user_id": "42"}},
        {"cache_control": {"type": "ephemeral"}},
        {"output_config": {"effort": "low"}},
        {"stop_sequences": ["END"]},
        {"thinking": {"type": "disabled"}},
        {"tools": [WEATHER], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    ],
    ids=lambda passed: "-".join(passed),
)
def test_it_passes_on_unchanged(
    claude: anthropic.Anthropic, standin: StandIn, alice: Person, passed: dict[str, Any]
) -> None:
    post(claude, {**BODY, "messages": [user(f"Hello {mark(alice)}")], **passed})

    assert {name: billed(standin, alice).request[name] for name in passed} == passed


def test_it_stops_at_a_stop_sequence(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(
        model=MODEL, max_tokens=100, messages=[user("[[say=one two END three]]")], stop_sequences=["END"]
    )

    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "END")
    assert text_of(message).strip() == "one two"


def test_it_stops_at_max_tokens(claude: anthropic.Anthropic, standin: StandIn, alice: Person) -> None:
    message = ask(claude, f"[[tokens=50]] {mark(alice)}", max_tokens=7)

    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 7)
    assert billed(standin, alice).max_tokens == 7


def test_it_shows_images_to_the_model(claude: anthropic.Anthropic, standin: StandIn, alice: Person) -> None:
    message = claude.messages.create(
        model=MODEL,
        max_tokens=100,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                    {"type": "text", "text": f"What is it? {mark(alice)}"},
                ],
            }
        ],
    )

    assert "I see 1 image." in text_of(message)
    assert billed(standin, alice).request["messages"][0]["content"][0]["source"]["data"] == PIXEL


def test_it_calls_a_tool(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(
        model=MODEL, max_tokens=100, messages=[user("[[tool=get_weather]]")], tools=[WEATHER]
    )

    call = message.content[-1]
    assert isinstance(call, ToolUseBlock)
    assert (message.stop_reason, call.name, call.input) == ("tool_use", "get_weather", {"city": "Berlin"})


def test_it_streams_the_call_of_a_tool(claude: anthropic.Anthropic) -> None:
    asking = claude.messages
    said = user("[[tool=get_weather tokens=5]]")

    with asking.stream(model=MODEL, max_tokens=100, messages=[said], tools=[WEATHER]) as stream:
        text, call = stream.get_final_message().content

    assert isinstance(text, TextBlock)
    assert isinstance(call, ToolUseBlock)
    assert (call.name, call.input) == ("get_weather", {"city": "Berlin"})


def test_the_model_reads_the_result_of_a_tool(claude: anthropic.Anthropic) -> None:
    asking = claude.messages
    question = user("How is the weather? [[tool=get_weather]]")
    called = asking.create(model=MODEL, max_tokens=100, messages=[question], tools=[WEATHER])
    [call] = [block for block in called.content if isinstance(block, ToolUseBlock)]

    answered = asking.create(
        model=MODEL,
        max_tokens=100,
        tools=[WEATHER],
        messages=[
            question,
            {"role": "assistant", "content": called.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}]},
        ],
    )

    assert text_of(answered).startswith('The tool says "18 degrees".')


def test_it_passes_thinking_through(claude: anthropic.Anthropic) -> None:
    said = user("[[thinking=40 tokens=20]]")

    message = claude.messages.create(model=MODEL, max_tokens=100, messages=[said], thinking={"type": "adaptive"})

    thought, text = message.content
    assert isinstance(thought, ThinkingBlock)
    assert thought.thinking
    assert thought.signature
    assert isinstance(text, TextBlock)
    assert message.usage.output_tokens == 60


def test_it_streams_thinking(claude: anthropic.Anthropic) -> None:
    said = user("[[thinking=40 tokens=20]]")

    with claude.messages.stream(model=MODEL, max_tokens=100, messages=[said], thinking={"type": "adaptive"}) as stream:
        kinds = {event.type for event in stream}

    assert {"thinking", "signature", "text"} <= kinds
    assert stream.get_final_message().usage.output_tokens == 60


def test_thinking_goes_back_to_the_model_with_its_signature(
    claude: anthropic.Anthropic, standin: StandIn, alice: Person
) -> None:
    asking = claude.messages
    question = user("Hello [[thinking=5]]")
    thought = asking.create(model=MODEL, max_tokens=100, messages=[question], thinking={"type": "adaptive"})

    history: list[MessageParam] = [
        question,
        {"role": "assistant", "content": thought.content},
        user(f"And? {mark(alice)}"),
    ]
    asking.create(model=MODEL, max_tokens=100, messages=history, thinking={"type": "adaptive"})

    returned = billed(standin, alice).request["messages"][1]["content"][0]
    assert returned["signature"] == next(b.signature for b in thought.content if isinstance(b, ThinkingBlock))


@pytest.mark.parametrize("streams", [False, True])
def test_it_drops_sampling_parameters_and_says_so(
    product: Product, standin: StandIn, alice: Person, streams: bool
) -> None:
    asked = {**BODY, "messages": [user(f"Hello {mark(alice)}")], "temperature": 0.5, "top_p": 0.9, "top_k": 40}

    answer = product.http.post("/v1/messages", json={**asked, "stream": streams}, headers=alice.headers)

    assert answer.headers["x-stipend-dropped"] == "temperature, top_p, top_k"
    assert not {"temperature", "top_p", "top_k"} & billed(standin, alice).request.keys()


def test_nothing_is_said_of_dropping_where_nothing_was(product: Product, alice: Person) -> None:
    answer = product.http.post("/v1/messages", json=BODY, headers=alice.headers)

    assert "x-stipend-dropped" not in answer.headers
    assert "x-stipend-demo" not in answer.headers


# ---- counting, and models ------------------------------------------------------------------------------------------


def test_it_counts_tokens_as_the_provider_does(claude: anthropic.Anthropic) -> None:
    asking = claude.messages

    counted = asking.count_tokens(model=MODEL, messages=[user("Hello")], system="Be brief.", tools=[WEATHER])
    answer = asking.create(model=MODEL, max_tokens=10, messages=[user("Hello")], system="Be brief.", tools=[WEATHER])

    assert counted.input_tokens == answer.usage.input_tokens


def test_counting_is_free(claude: anthropic.Anthropic, alice: Person) -> None:
    claude.messages.count_tokens(model=MODEL, messages=[user("Hello")])

    assert not Reservation.objects.filter(workspace=alice.workspace).exists()


def test_counting_still_works_when_the_allowance_is_spent(claude: anthropic.Anthropic) -> None:
    spend_all(claude)

    counted = claude.messages.count_tokens(model=MODEL, messages=[user("Hello")])

    assert counted.input_tokens > 0


def test_counting_refuses_an_unknown_model(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.count_tokens(model="gpt-99", messages=[user("Hello")])


def test_counting_takes_what_a_prompt_has_and_nothing_else(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="max_tokens: Extra inputs are not permitted"):
        claude.post("/v1/messages/count_tokens", cast_to=object, body=BODY)


def test_it_lists_the_models_of_the_plan(claude: anthropic.Anthropic) -> None:
    models = claude.models.list()

    assert [model.id for model in models] == ["claude-sonnet-5-5", "claude-haiku-5-5"]
    assert not models.has_next_page()


def test_it_describes_a_model(claude: anthropic.Anthropic) -> None:
    model = claude.models.retrieve(MODEL)

    assert (model.type, model.id, model.display_name) == ("model", MODEL, "Claude Sonnet 5.5")
    assert (model.lifecycle, model.max_input_tokens, model.max_tokens) == ("active", 1_000_000, 128_000)
    assert model.created_at.year == 2026


@pytest.mark.parametrize("slug", ["gpt-99", NOT_IN_PLAN])
def test_it_does_not_describe_a_model_one_may_not_use(claude: anthropic.Anthropic, slug: str) -> None:
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve(slug)


# ---- errors --------------------------------------------------------------------------------------------------------


def test_it_refuses_a_request_without_a_key(product: Product) -> None:
    headers = {"Authorization": anthropic.Omit()}
    asking = anthropic.Anthropic(base_url=product.url, api_key="", max_retries=0, default_headers=headers)  # type: ignore[arg-type]  # the SDK's own way to leave a header out

    with pytest.raises(anthropic.AuthenticationError) as refused:
        asking.messages.create(**BODY)

    assert refused.value.type == "authentication_error"


@pytest.mark.parametrize(
    "key", ["sk-stipend-wrong", "sk-ant-api03-not-ours", "eyJhbGciOiJIUzI1NiJ9.e30.x", "schlüssel"]
)
def test_it_refuses_a_key_it_does_not_know(product: Product, key: str) -> None:
    answer = product.http.post("/v1/messages", json=BODY, headers={b"x-api-key": key.encode()})

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"


def test_it_refuses_a_revoked_key(claude: anthropic.Anthropic, alice: Person) -> None:
    api_keys.revoke(ApiKey.objects.get(workspace=alice.workspace), by=SYSTEM, at=now())

    with pytest.raises(anthropic.AuthenticationError):
        ask(claude, "Hello")


BAD_BODIES = [
    ("max_tokens: Field required", {"model": MODEL, "messages": BODY["messages"]}),
    ("max_tokens: Input should be greater", {**BODY, "max_tokens": -1}),
    ("max_tokens", {**BODY, "max_tokens": "many"}),
    ("max_tokens", {**BODY, "max_tokens": True}),
    ("max_tokens", {**BODY, "max_tokens": 1.5}),
    ("model: Field required", {"max_tokens": 1, "messages": BODY["messages"]}),
    ("model", {**BODY, "model": 7}),
    ("messages: Field required", {"model": MODEL, "max_tokens": 1}),
    ("messages: at least one message is required", {**BODY, "messages": []}),
    ("messages", {**BODY, "messages": {}}),
    ("messages.0", {**BODY, "messages": ["Hello"]}),
    ("messages.0.role", {**BODY, "messages": [{"role": "robot", "content": "Hello"}]}),
    ("messages.0.role", {**BODY, "messages": [{"role": [], "content": "Hello"}]}),
    ("messages.0.content", {**BODY, "messages": [{"role": "user"}]}),
    ("messages.0.content", {**BODY, "messages": [{"role": "user", "content": ""}]}),
    ("messages.0.content", {**BODY, "messages": [{"role": "user", "content": ["Hello"]}]}),
    ("messages.0.content", {**BODY, "messages": [{"role": "user", "content": [{"text": "Hello"}]}]}),
    ("colour: Extra inputs are not permitted", {**BODY, "colour": "blue"}),
    ("tool_choice", {**BODY, "tool_choice": "auto"}),
    (
        "messages.0.content.0.text: Field required",
        {**BODY, "messages": [{"role": "user", "content": [{"type": "text"}]}]},
    ),
    ("tools.0", {**BODY, "tools": ["get_weather"]}),
    ("tools.0.name: Field required", {**BODY, "tools": [{"input_schema": {"type": "object"}}]}),
    ("tools.0.input_schema", {**BODY, "tools": [{"name": "get_weather", "input_schema": "any"}]}),
    ("system", {**BODY, "system": 7}),
    ("stream", {**BODY, "stream": "yes"}),
    ("stop_sequences", {**BODY, "stop_sequences": "END"}),
    ("metadata", {**BODY, "metadata": "42"}),
]


@pytest.mark.parametrize(
    ("words", "body"), BAD_BODIES, ids=[f"{at}-{words}" for at, (words, _) in enumerate(BAD_BODIES)]
)
def test_it_refuses_what_the_original_refuses(
    claude: anthropic.Anthropic, alice: Person, words: str, body: dict[str, Any]
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=words) as refused:
        post(claude, body)

    assert refused.value.type == "invalid_request_error"
    assert not Decision.objects.filter(workspace=alice.workspace).exists()


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("tool_choice: Input tag 'sometimes'", {"tools": [WEATHER], "tool_choice": {"type": "sometimes"}}),
        ("Tool 'get_time' not found", {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "get_time"}}),
        ("thinking: Input tag 'hard'", {"thinking": {"type": "hard"}}),
    ],
)
def test_it_hands_on_what_the_provider_refuses_and_charges_nothing(
    claude: anthropic.Anthropic, alice: Person, words: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=words):
        post(claude, {**BODY, **wrong})

    assert charged(alice) == []
    assert Reservation.objects.get(workspace=alice.workspace).state == "released"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"Hello"',
        b"{}x",
        b'{"max_tokens": NaN}',
        b'{"model": "\\u0000"}',
        b'{"model": "\\ud800"}',
        b"\xff",
    ],
    ids=["nothing", "half", "list", "text", "rest", "nan", "nul", "surrogate", "not-utf8"],
)
def test_it_refuses_what_is_not_a_json_object(product: Product, alice: Person, content: bytes) -> None:
    answer = product.http.post("/v1/messages", content=content, headers=alice.headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_it_refuses_ten_megabytes(claude: anthropic.Anthropic, alice: Person) -> None:
    with pytest.raises(anthropic.ContentTooLargeError) as refused:
        ask(claude, "x" * 10_000_000)

    assert str(refused.value.type) == "request_too_large"
    assert not Decision.objects.filter(workspace=alice.workspace).exists()


def test_it_does_not_know_other_models(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="gpt-99") as refused:
        post(claude, {**BODY, "model": "gpt-99"})

    assert refused.value.type == "not_found_error"


def test_it_denies_a_model_the_plan_does_not_include(claude: anthropic.Anthropic, alice: Person) -> None:
    with pytest.raises(anthropic.PermissionDeniedError, match=NOT_IN_PLAN) as refused:
        post(claude, {**BODY, "model": NOT_IN_PLAN})

    assert refused.value.type == "permission_error"
    assert not Reservation.objects.filter(workspace=alice.workspace).exists()


def test_an_address_that_does_not_exist_is_answered_in_the_formats_shape(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as refused:
        claude.messages.batches.list()

    assert refused.value.type == "not_found_error"


def test_another_method_is_answered_in_the_formats_shape(product: Product, alice: Person) -> None:
    answer = product.http.get("/v1/messages", headers=alice.headers)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["type"] == "error"


def test_the_day_may_be_used_up_to_its_last_token(claude: anthropic.Anthropic, alice: Person) -> None:
    message = spend_all(claude)

    assert str(message.stop_reason) == "quota"
    assert charged(alice) == [10_000]


def test_a_spent_allowance_is_a_rate_limit_that_says_what_it_was(claude: anthropic.Anthropic) -> None:
    spend_all(claude)

    with pytest.raises(anthropic.RateLimitError, match="allows 10,000 tokens a day") as refused:
        ask(claude, "Hello")

    said = refused.value.response.headers
    assert (refused.value.type, said["x-should-retry"]) == ("rate_limit_error", "false")
    assert (said["anthropic-ratelimit-tokens-limit"], said["anthropic-ratelimit-tokens-remaining"]) == ("10000", "0")
    assert said["anthropic-ratelimit-tokens-reset"] in str(refused.value)


def test_a_streamed_request_is_refused_before_the_stream(claude: anthropic.Anthropic) -> None:
    spend_all(claude)

    with pytest.raises(anthropic.RateLimitError):
        ask_streaming(claude, "Hello")


def test_the_sdk_does_not_try_a_spent_allowance_again(claude: anthropic.Anthropic, alice: Person) -> None:
    spend_all(claude)

    with pytest.raises(anthropic.RateLimitError):
        ask(claude.with_options(max_retries=2), "Hello")

    assert Decision.objects.filter(workspace=alice.workspace, admitted=False).count() == 1


def test_the_decision_behind_a_refusal_can_be_read(
    product: Product, claude: anthropic.Anthropic, alice: Person
) -> None:
    spend_all(claude)

    with pytest.raises(anthropic.RateLimitError) as refused:
        ask(claude, "Hello")

    request_id = refused.value.request_id
    decision = product.http.get(f"/api/v1/quotas/decisions/{request_id}", headers=alice.headers).json()
    assert str(request_id) in str(refused.value)
    assert decision["admitted"] is False


def test_trying_again_is_advised_where_other_work_holds_what_is_missing(
    claude: anthropic.Anthropic, run: Run[Any], alice: Person
) -> None:
    run(metering.reserve(alice.caller, {"tokens": Ask.exactly(9_999)}, request_id="req_held", at=now()))

    with pytest.raises(anthropic.RateLimitError) as refused:
        ask(claude, "Hello")

    said = refused.value.response.headers
    assert said["x-should-retry"] == "true"
    assert 0 < int(said["retry-after"]) <= 60


def test_a_busy_provider_is_an_overload(claude: anthropic.Anthropic, alice: Person) -> None:
    with pytest.raises(anthropic.OverloadedError) as refused:
        ask(claude, "[[status=529]]")

    assert (refused.value.status_code, refused.value.type) == (529, "overloaded_error")
    assert charged(alice) == []


def test_a_busy_provider_is_asked_again_before_anybody_hears_of_it(
    claude: anthropic.Anthropic, standin: StandIn, alice: Person
) -> None:
    message = ask(claude, f"[[status=529 times=1]] [[say=Here I am.]] {mark(alice)}")

    assert text_of(message) == "Here I am."
    assert [call.status for call in standin.settled(alice.user.email, at_least=2)] == [529, 200]


@pytest.mark.parametrize("status", [401, 402, 403, 500])
def test_trouble_between_the_provider_and_us_is_ours(claude: anthropic.Anthropic, alice: Person, status: int) -> None:
    with pytest.raises(anthropic.InternalServerError) as refused:
        ask(claude, f"[[status={status}]]")

    assert refused.value.type == "api_error"
    assert charged(alice) == []


def test_a_silent_provider_is_a_timeout(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.GatewayTimeoutError) as refused:
        ask(claude, "[[break=hang]]")

    assert refused.value.type == "timeout_error"


def test_a_stream_that_breaks_off_ends_with_an_error_event(claude: anthropic.Anthropic, alice: Person) -> None:
    asking = claude.messages

    with (
        pytest.raises(anthropic.APIStatusError) as broken,
        asking.stream(model=MODEL, max_tokens=100, messages=[user("[[tokens=50 break=error after=5]]")]) as stream,
    ):
        stream.until_done()

    assert broken.value.type == "overloaded_error"
    assert isinstance(broken.value.body, dict)
    assert broken.value.body["request_id"] == broken.value.request_id
    assert Turn.objects.get(workspace=alice.workspace).basis == "estimated"


def test_an_error_bears_the_id_of_its_request(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        post(claude, {**BODY, "max_tokens": -1})

    assert isinstance(refused.value.body, dict)
    assert refused.value.request_id
    assert refused.value.body["request_id"] == refused.value.request_id
