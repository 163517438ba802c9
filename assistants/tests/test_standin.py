"""The stand-in proved by itself: with the official SDK, and with raw sockets where it breaks off."""

import asyncio
import json
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import Message, MessageParam, ToolParam
from hypothesis import given
from hypothesis import strategies as st

from assistants.tests.standin.client import COMMAND, ROOT, StandIn, start
from assistants.tests.standin.prompt import PER_IMAGE, PER_MESSAGE
from assistants.tests.standin.tokens import LONG_WORDS, WORDS, count, pieces

MODEL = "claude-sonnet-5-5"
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
        "required": ["city"],
    },
}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


@pytest.fixture(scope="session")
def standin() -> Iterator[StandIn]:
    with start() as standin:
        yield standin


@pytest.fixture(scope="session")
def claude(standin: StandIn) -> Iterator[Anthropic]:
    with Anthropic(api_key="sk-right", base_url=standin.url, max_retries=0) as client:
        yield client


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> str:
    return str(request.node.nodeid.rpartition("::")[2]).translate(str.maketrans("[]-", "___"))


def ask(claude: Anthropic, text: Any, **options: Any) -> Message:
    options = {"model": MODEL, "max_tokens": 1_000, **options}
    message: Message = claude.messages.create(messages=[{"role": "user", "content": text}], **options)
    return message


def stream(claude: Anthropic, text: Any, **options: Any) -> tuple[list[Any], Message]:
    options = {"model": MODEL, "max_tokens": 1_000, **options}
    with claude.messages.stream(messages=[{"role": "user", "content": text}], **options) as events:
        return list(events), events.get_final_message()


def answer_to(claude: Anthropic, text: str, *, streamed: bool, **options: Any) -> Message:
    return stream(claude, text, **options)[1] if streamed else ask(claude, text, **options)


def count_again(claude: Anthropic, content: Any) -> int:
    counted = claude.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": content}])
    return counted.input_tokens - PER_MESSAGE


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


# The rule for tokens


@given(st.text(st.sampled_from("aZ é世9.,\n") | st.characters(exclude_categories=["Cs"])))
def test_a_text_cut_between_two_tokens_counts_the_tokens_before_the_cut(text: str) -> None:
    cut = pieces(text)

    assert "".join(cut) == text
    assert [count("".join(cut[:most])) for most in range(len(cut))] == list(range(len(cut)))


def test_no_word_counts_otherwise_than_its_letters_where_a_cut_can_fall() -> None:
    cuts = [word for word in WORDS | LONG_WORDS if len(word) % 4 == 0 and count(word) != len(word) // 4]

    assert cuts == []


def test_an_unknown_word_costs_a_token_for_every_four_letters() -> None:
    assert [count(text) for text in ("", "plan", "strategy", "Zyxwvutsr", "a plan, 12345")] == [0, 1, 2, 3, 5]


# Answers and their counts


def test_an_answer_reports_what_the_bill_says(standin: StandIn, claude: Anthropic, tag: str) -> None:
    message = ask(claude, f"Hello [[tokens=200 tag={tag}]]")

    [call] = standin.bill(tag)
    assert (call.state, call.status, call.stream, call.model, call.max_tokens) == ("finished", 200, False, MODEL, 1_000)
    assert (message.usage.output_tokens, call.output_tokens, message.stop_reason) == (200, 200, "end_turn")
    assert message.usage.input_tokens == call.input_tokens
    assert call.reported is not None
    assert call.reported["output_tokens"] == 200


def test_a_stream_reports_what_the_bill_says(standin: StandIn, claude: Anthropic, tag: str) -> None:
    _, message = stream(claude, f"Hello [[tokens=200 tag={tag}]]")

    [call] = standin.bill(tag)
    assert (call.state, call.stream, call.output_tokens, message.usage.output_tokens) == ("finished", True, 200, 200)
    assert message.usage.input_tokens == call.input_tokens


def test_the_async_sdk_streams_too(standin: StandIn, tag: str) -> None:
    asked: list[MessageParam] = [{"role": "user", "content": f"Hello [[tokens=50 tag={tag}]]"}]

    async def message() -> Message:
        async with (
            AsyncAnthropic(api_key="sk-right", base_url=standin.url, max_retries=0) as claude,
            claude.messages.stream(model=MODEL, max_tokens=100, messages=asked) as events,
        ):
            return await events.get_final_message()

    assert asyncio.run(message()).usage.output_tokens == standin.bill(tag)[0].output_tokens == 50


def test_the_answer_passed_back_counts_the_same(claude: Anthropic) -> None:
    message = ask(claude, "Hello [[tokens=333 seed=4]]")

    assert count_again(claude, text_of(message)) == message.usage.output_tokens == 333


def test_bytes_events_and_tokens_are_three_counts(standin: StandIn, claude: Anthropic, tag: str) -> None:
    events, message = stream(claude, f"Hello [[tokens=200 tag={tag}]]")

    deltas = [event.text for event in events if event.type == "text"]
    assert len(deltas) == standin.bill(tag)[0].deltas
    assert len(deltas) * 2 < 200 < len(text_of(message)) / 3
    assert {count_again(claude, delta) for delta in deltas} == {1, 2, 3, 4}


def test_the_same_question_gets_the_same_answer(claude: Anthropic) -> None:
    first, again, other = (text_of(ask(claude, f"Hello [[seed={seed}]]")) for seed in (1, 1, 2))

    assert first == again != other


def test_the_events_come_in_the_order_of_the_real_api(standin: StandIn) -> None:
    events = sent_events(read_all(post(standin, "Hello [[say=One two]]")))

    assert [name for name, _ in events] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert all(data["type"] == name for name, data in events)


@pytest.mark.parametrize("streamed", [False, True])
def test_max_tokens_is_kept_exactly(claude: Anthropic, streamed: bool) -> None:
    message = answer_to(claude, "[[tokens=99]]", streamed=streamed, max_tokens=98)

    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 98)
    assert count_again(claude, text_of(message)) == 98


def test_a_text_may_be_given_word_for_word(claude: Anthropic) -> None:
    _, message = stream(claude, "Hello [[say=Grüße, 世界: a = [1, 2]]]")

    assert text_of(message) == "Grüße, 世界: a = [1, 2"


def test_a_stop_sequence_ends_the_answer(claude: Anthropic) -> None:
    message = ask(claude, "[[say=One two STOP three]]", stop_sequences=["STOP"])

    assert (text_of(message), message.stop_reason, message.stop_sequence) == ("One two ", "stop_sequence", "STOP")


def test_a_stop_reason_may_be_given(claude: Anthropic) -> None:
    assert stream(claude, "[[stop=refusal]]")[1].stop_reason == "refusal"


def test_an_overrun_reports_more_than_was_allowed(standin: StandIn, claude: Anthropic, tag: str) -> None:
    _, message = stream(claude, f"[[tokens=30 over=50 tag={tag}]]", max_tokens=30)

    assert (message.usage.output_tokens, standin.bill(tag)[0].output_tokens) == (80, 30)


def test_cache_counts_stand_beside_the_input(claude: Anthropic) -> None:
    usage = ask(claude, "[[cache_read=1000 cache_write=500 cache_write_1h=100]]").usage

    assert usage.cache_creation is not None
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (1_000, 600)
    assert usage.cache_creation.ephemeral_5m_input_tokens == 500
    assert usage.cache_creation.ephemeral_1h_input_tokens == 100


def test_a_stream_ends_with_all_counts_again(standin: StandIn) -> None:
    events = dict(sent_events(read_all(post(standin, "Hello [[cache_read=7 cache_write=5]]"))))

    opening, closing = events["message_start"]["message"]["usage"], events["message_delta"]["usage"]
    assert opening["output_tokens"] == 1
    repeated = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    assert [closing[name] for name in repeated] == [opening[name] for name in repeated] == [PER_MESSAGE + 17, 5, 7]


# The prompt's tokens


def test_count_tokens_counts_what_the_message_is_billed_for(claude: Anthropic) -> None:
    prompt: dict[str, Any] = {
        "model": MODEL,
        "system": [{"type": "text", "text": "You plan campaigns.", "cache_control": {"type": "ephemeral"}}],
        "tools": [WEATHER],
        "messages": [{"role": "user", "content": [IMAGE, {"type": "text", "text": "What is it?"}]}],
    }

    counted = claude.messages.count_tokens(**prompt).input_tokens
    assert counted == claude.messages.create(max_tokens=10, **prompt).usage.input_tokens
    assert counted > PER_IMAGE


def test_each_message_adds_a_constant(claude: Anthropic) -> None:
    messages: list[MessageParam] = [
        {"role": "user", "content": "plan"},
        {"role": "assistant", "content": "plan"},
        {"role": "user", "content": [{"type": "text", "text": "plan"}]},
    ]

    assert claude.messages.count_tokens(model=MODEL, messages=messages).input_tokens == 3 * (PER_MESSAGE + 1)


# Tools, images, thinking, structured answers


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_with_an_input_of_its_schema(claude: Anthropic, streamed: bool) -> None:
    message = answer_to(claude, "Will it rain? [[tool=get_weather]]", streamed=streamed, tools=[WEATHER])

    [called] = message.content
    assert called.type == message.stop_reason == "tool_use"
    assert (called.name, called.input) == ("get_weather", {"city": "Berlin", "days": 2})


def test_a_tool_call_passed_back_counts_the_same(claude: Anthropic) -> None:
    message = ask(claude, "[[tool=get_weather]]", tools=[WEATHER])
    plain = claude.messages.count_tokens(model=MODEL, messages=after_tool(message, "x")[:1]).input_tokens

    whole = claude.messages.count_tokens(model=MODEL, messages=after_tool(message, "x")).input_tokens
    assert whole - plain == message.usage.output_tokens + 2 * PER_MESSAGE + count("x")


def after_tool(message: Message, result: str) -> list[MessageParam]:
    [called] = message.content
    assert called.type == "tool_use"
    return [
        {"role": "user", "content": "Will it rain?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": called.id, "name": called.name, "input": called.input}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": called.id, "content": result}]},
    ]


def test_a_tool_result_is_quoted(claude: Anthropic) -> None:
    message = ask(claude, "[[tool=get_weather]]", tools=[WEATHER])
    history = after_tool(message, "17 degrees")

    answer = claude.messages.create(model=MODEL, max_tokens=100, tools=[WEATHER], messages=history)
    assert text_of(answer).startswith('The tool says "17 degrees".')


def test_a_tool_call_without_its_result_is_refused(claude: Anthropic) -> None:
    history = after_tool(ask(claude, "[[tool=get_weather]]", tools=[WEATHER]), "x")
    history[2] = {"role": "user", "content": "Never mind"}

    with pytest.raises(anthropic.BadRequestError, match="without `tool_result` blocks immediately after"):
        claude.messages.create(model=MODEL, max_tokens=100, messages=history)


def test_a_result_without_its_tool_call_is_refused(claude: Anthropic) -> None:
    history = after_tool(ask(claude, "[[tool=get_weather]]", tools=[WEATHER]), "x")

    with pytest.raises(anthropic.BadRequestError, match="unexpected `tool_use_id`"):
        claude.messages.create(model=MODEL, max_tokens=100, messages=history[2:])


def test_a_forced_tool_is_called(claude: Anthropic) -> None:
    message = ask(claude, "Hello", tools=[WEATHER], tool_choice={"type": "tool", "name": "get_weather"})

    assert message.stop_reason == "tool_use"


def test_an_image_is_acknowledged(claude: Anthropic) -> None:
    message = ask(claude, [IMAGE, {"type": "text", "text": "What is it?"}])

    assert text_of(message).startswith("I see 1 image.")


def test_thinking_comes_before_the_text_and_is_counted(claude: Anthropic) -> None:
    _, message = stream(claude, "[[tokens=60 thinking=40]]", thinking={"type": "adaptive"})

    thought, text = message.content
    assert (thought.type, text.type) == ("thinking", "text")
    assert thought.type == "thinking"
    assert thought.signature
    assert count_again(claude, thought.thinking) == 40
    assert message.usage.output_tokens_details is not None
    assert (message.usage.output_tokens, message.usage.output_tokens_details.thinking_tokens) == (100, 40)


def test_omitted_thinking_is_billed_all_the_same(claude: Anthropic) -> None:
    message = ask(claude, "[[tokens=60 thinking=40]]", thinking={"type": "adaptive", "display": "omitted"})

    assert message.content[0].type == "thinking"
    assert (message.content[0].thinking, message.usage.output_tokens) == ("", 100)


def test_a_structured_answer_follows_the_schema(claude: Anthropic) -> None:
    schema = {
        "type": "object",
        "properties": {"steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}}},
        "$defs": {"Step": {"type": "object", "properties": {"due": {"type": "string", "format": "date"}}}},
    }

    message = ask(claude, "Plan", output_config={"format": {"type": "json_schema", "schema": schema}})
    assert json.loads(text_of(message)) == {"steps": [{"due": "2026-11-21"}]}


def test_the_models_are_listed(claude: Anthropic) -> None:
    models = {model.id: model for model in claude.models.list()}

    assert models[MODEL].max_tokens == 128_000
    assert claude.models.retrieve(MODEL).display_name == "Claude Sonnet 5.5"


# Refusals


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (402, anthropic.PaymentRequiredError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (413, anthropic.ContentTooLargeError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (504, anthropic.GatewayTimeoutError),
        (529, anthropic.OverloadedError),
    ],
)
def test_a_refusal_is_typed_by_the_sdk(
    standin: StandIn, claude: Anthropic, tag: str, status: int, error: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(error) as caught:
        ask(claude, f"[[status={status} tag={tag}]]")

    [call] = standin.bill(tag)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["request_id"] == caught.value.request_id == call.request_id
    assert (call.state, call.status, call.output_tokens) == ("refused", status, 0)


def test_a_busy_answer_says_when_to_come_back(claude: Anthropic) -> None:
    with pytest.raises(anthropic.RateLimitError) as caught:
        ask(claude, "[[status=429 retry_after=30]]")

    assert caught.value.response.headers["retry-after"] == "30"


def test_only_the_first_calls_of_a_tag_fail(standin: StandIn, claude: Anthropic, tag: str) -> None:
    for _ in range(2):
        with pytest.raises(anthropic.RateLimitError):
            ask(claude, f"[[status=429 times=2 tag={tag}]]")
    ask(claude, f"[[status=429 times=2 tag={tag}]]")

    assert [call.state for call in standin.bill(tag)] == ["refused", "refused", "finished"]


def test_a_failure_may_be_one_models_alone(claude: Anthropic) -> None:
    with pytest.raises(anthropic.OverloadedError):
        ask(claude, "[[status=529 on=claude-opus-5-5]]", model="claude-opus-5-5")

    assert ask(claude, "[[status=529 on=claude-opus-5-5]]").stop_reason == "end_turn"


def test_a_wrong_key_is_refused(standin: StandIn) -> None:
    with Anthropic(api_key="sk-wrong", base_url=standin.url) as claude, pytest.raises(anthropic.AuthenticationError):
        ask(claude, "Hello")


@pytest.mark.parametrize("key", ["x-api-key: sk-right", "authorization: Bearer sk-right"])
def test_a_key_is_taken_from_either_header(standin: StandIn, key: str) -> None:
    assert read_all(post(standin, "Hello", key=key)).startswith(b"HTTP/1.0 200")


def test_no_key_is_refused(standin: StandIn) -> None:
    assert error_of(read_all(post(standin, "Hello", key="x-none: 1"))) == (
        "authentication_error",
        "x-api-key header is required",
    )


def test_no_version_is_refused(standin: StandIn) -> None:
    refused = error_of(read_all(post(standin, "Hello", version="")))

    assert refused == ("invalid_request_error", "anthropic-version: header is required")


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k", "foo"])
def test_unknown_and_sampling_parameters_are_refused(claude: Anthropic, name: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=f"{name}: Extra inputs are not permitted"):
        ask(claude, "Hello", extra_body={name: 1})


def test_the_first_version_still_takes_sampling_parameters(standin: StandIn) -> None:
    answer = read_all(post(standin, "Hello", version="2023-06-01", temperature=0.5))

    assert answer.startswith(b"HTTP/1.0 200")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ({"max_tokens": 128_001}, "maximum allowed number of output tokens"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0: all messages must have non-empty content"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages.0.role: Input should be"),
        ({"model": "gpt-4"}, "model: gpt-4"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "must be greater than `thinking.budget_tokens`"),
        ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "String should match pattern"),
    ],
)
def test_a_bad_request_is_refused_in_the_apis_words(standin: StandIn, change: dict[str, Any], message: str) -> None:
    kind, said = error_of(read_all(post(standin, "Hello", **change)))

    assert kind == ("not_found_error" if "model" in change else "invalid_request_error")
    assert message in said


def test_a_directive_it_does_not_know_is_refused(claude: Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="unknown directive tokns"):
        ask(claude, "[[tokns=5]]")


# Breaking off, seen from a raw socket


def post(
    standin: StandIn,
    text: str,
    *,
    key: str = "x-api-key: sk-right",
    version: str = "2026-10-21",
    path: str = "/v1/messages",
    **change: Any,
) -> socket.socket:
    """Sends a streamed request over HTTP/1.0, whose answer is not chunked and ends with the connection."""
    asked = {"model": MODEL, "max_tokens": 500, "stream": True, "messages": [{"role": "user", "content": text}]}
    body = json.dumps({name: value for name, value in {**asked, **change}.items() if value is not None}).encode()
    head = [f"POST {path} HTTP/1.0", key, f"content-length: {len(body)}"]
    head += [f"anthropic-version: {version}"] if version else []
    connection = socket.create_connection(("127.0.0.1", standin.port), timeout=5)
    connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
    return connection


def read_all(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as answer:
        return answer.read()


def read_deltas(connection: socket.socket, wanted: int) -> bytes:
    seen = b""
    while seen.count(b"event: content_block_delta") < wanted:
        seen += connection.recv(65_536)
    return seen


def is_silent(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) is None
    except BlockingIOError:
        return True


def sent_events(answer: bytes) -> list[tuple[str, Any]]:
    events = [event.split("\n") for event in answer.decode().partition("\r\n\r\n")[2].split("\n\n") if event]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in events]


def error_of(answer: bytes) -> tuple[str, str]:
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    return error["type"], error["message"]


def test_an_error_event_ends_the_stream(standin: StandIn, tag: str) -> None:
    events = sent_events(read_all(post(standin, f"[[tokens=90 break=error after=5 tag={tag}]]")))

    assert [name for name, _ in events].count("content_block_delta") == 5
    assert events[-1] == (
        "error",
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    )
    assert standin.bill(tag)[0].state == "broken"


def test_a_cut_stream_ends_without_message_stop(standin: StandIn, tag: str) -> None:
    events = sent_events(read_all(post(standin, f"[[tokens=90 break=cut after=5 tag={tag}]]")))

    [call] = standin.bill(tag)
    told = "".join(data["delta"]["text"] for name, data in events if name == "content_block_delta")
    assert events[-1][0] == "content_block_delta"
    assert (call.state, call.deltas, call.output_tokens, call.reported) == ("broken", 5, count(told), None)


def test_a_reset_is_a_reset(standin: StandIn, tag: str) -> None:
    with pytest.raises(ConnectionResetError):
        read_all(post(standin, f"[[tokens=90 break=reset after=5 tag={tag}]]"))

    assert standin.bill(tag)[0].state == "broken"


def test_garbage_is_a_data_line_that_is_not_json(standin: StandIn) -> None:
    last = read_all(post(standin, "[[tokens=90 break=garbage after=5]]")).decode().rstrip("\n").rpartition("data: ")[2]

    with pytest.raises(json.JSONDecodeError):
        json.loads(last)


def test_silence_leaves_the_connection_open(standin: StandIn, tag: str) -> None:
    with post(standin, f"[[tokens=90 break=silence after=5 tag={tag}]]") as connection:
        read_deltas(connection, 5)

        [call] = standin.settled(tag)
        assert (call.state, call.deltas, is_silent(connection)) == ("broken", 5, True)


def test_a_hang_answers_nothing_at_all(standin: StandIn, tag: str) -> None:
    with post(standin, f"[[break=hang tag={tag}]]") as connection:
        [call] = standin.settled(tag)

        assert (call.state, call.status, is_silent(connection)) == ("broken", 0, True)


def test_a_break_may_come_before_the_first_delta(standin: StandIn) -> None:
    events = sent_events(read_all(post(standin, "[[break=cut after=0]]")))

    assert [name for name, _ in events] == ["message_start", "content_block_start", "ping"]


def test_a_break_comes_before_the_usage_even_of_a_short_answer(standin: StandIn) -> None:
    events = sent_events(read_all(post(standin, "[[say=Hi]] [[break=cut after=50]]")))

    assert events[-1][0] == "content_block_stop"


@pytest.mark.parametrize("how", ["cut", "garbage"])
def test_a_body_that_is_not_streamed_breaks_too(standin: StandIn, how: str) -> None:
    body = read_all(post(standin, f"[[break={how}]]", stream=None)).partition(b"\r\n\r\n")[2]

    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_a_client_that_hangs_up_is_noticed(standin: StandIn, tag: str) -> None:
    with post(standin, f"[[tokens=400 gap=20 tag={tag}]]") as connection:
        read_deltas(connection, 2)

    [call] = standin.settled(tag)
    assert call.state == "hung_up"
    assert 2 <= call.deltas < 20
    assert call.output_tokens < 80


def test_a_client_that_hangs_up_before_the_answer_is_noticed(standin: StandIn, tag: str) -> None:
    post(standin, f"[[first=5000 tag={tag}]]", stream=None).close()

    [call] = standin.settled(tag)
    assert (call.state, call.output_tokens, call.reported) == ("hung_up", 0, None)


# The bill and the process


def test_the_bill_keeps_what_was_asked(standin: StandIn, claude: Anthropic, tag: str) -> None:
    ask(claude, f"Hello [[tag={tag}]]", system="Be kind", extra_headers={"X-Request-ID": "r-1"})

    [call] = standin.bill(tag)
    assert call.request["system"] == "Be kind"
    assert call.headers["x-request-id"] == "r-1"
    assert call.headers["anthropic-version"] == "2026-10-21"


def test_the_bill_can_be_forgotten() -> None:
    with start() as standin:
        read_all(post(standin, "Hello [[tag=once]]"))
        assert len(standin.bill("once")) == 1

        standin.forget()
        assert standin.bill() == []


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """Once it is ready."""
    with subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_it_stops_on_sigterm(process: subprocess.Popen[bytes]) -> None:
    process.terminate()

    assert process.wait(timeout=5) == 0


def test_it_goes_when_its_parent_goes(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()

    assert process.wait(timeout=5) == 0
