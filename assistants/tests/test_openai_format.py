"""OpenAI's format to and from Anthropic's, where the SDKs do not reach: odd requests, and odd answers."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assistants.errors import InvalidRequest
from assistants.prices import Usage
from assistants.wire import openai
from assistants.wire.openai import answered, asked
from quotas.limits import Limit

HELLO = {"role": "user", "content": "Hello"}
BODY: dict[str, Any] = {"model": "claude-sonnet-5-5", "messages": [HELLO]}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"word": "tea"}'}}
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOKENS = Limit("tokens", "day", limit=1000, used=300, reserved=100, hard=True, resets_at=NOON, hold=50)


def translated(**changes: Any) -> dict[str, Any]:
    return openai.to_anthropic({**BODY, **changes})[0]


def message(**fields: Any) -> list[dict[str, Any]]:
    return [HELLO, fields]


def part(**fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [fields]}]


def tool(**function: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": function}]


# ---- what is asked -------------------------------------------------------------------------------------------------


def test_the_plainest_request_says_little() -> None:
    assert translated() == {
        "model": "claude-sonnet-5-5",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "max_tokens": asked.DEFAULT_MAX_TOKENS,
        "stream": False,
    }


@pytest.mark.parametrize(
    ("param", "changes"),
    [
        ("messages", {"messages": "Hello"}),
        ("messages[0].role", {"messages": ["Hello"]}),
        ("messages[0].role", {"messages": [{"content": "Hello"}]}),
        ("messages[0].role", {"messages": [{"role": ["user"], "content": "Hello"}]}),
        ("messages[0].role", {"messages": [{"role": "function", "name": "look_up", "content": "Hello"}]}),
        ("messages", {"messages": [{"role": "user", "content": 7}]}),
        ("messages", {"messages": [{"role": "user", "content": ["Hello"]}]}),
        ("messages[0].content", {"messages": [{"role": "user", "content": None}]}),
        ("messages[1].content", {"messages": message(role="assistant", content=None)}),
        ("messages", {"messages": part(type="text")}),
        ("messages", {"messages": part(type="text", text=7)}),
        ("messages", {"messages": part(type="input_audio", input_audio={"data": "", "format": "mp3"})}),
        ("messages", {"messages": part(type="file", file={"file_id": "file_1"})}),
        ("messages", {"messages": part(type="image_url", image_url="https://example.com/a.png")}),
        ("messages", {"messages": part(type="image_url", image_url={"url": "file:///etc/passwd"})}),
        ("messages", {"messages": part(type="image_url", image_url={"url": "data:image/png,raw"})}),
        ("messages", {"messages": [{"role": "system", "content": 7}, HELLO]}),
        ("messages", {"messages": [{"role": "system", "content": part(type="image_url")}, HELLO]}),
        ("messages", {"messages": message(role="tool", content="18 degrees")}),
        ("messages", {"messages": message(role="tool", tool_call_id=7, content="18 degrees")}),
        ("tool_calls", {"messages": message(role="assistant", tool_calls=7)}),
        ("messages", {"messages": message(role="assistant", tool_calls=["look_up"])}),
        ("messages", {"messages": message(role="assistant", tool_calls=[{**CALL, "id": None}])}),
        ("messages", {"messages": message(role="assistant", tool_calls=[{"id": "1", "function": {"name": "x"}}])}),
        ("max_tokens", {"max_tokens": True}),
        ("max_tokens", {"max_tokens": 1.5}),
        ("max_tokens", {"max_tokens": "7"}),
        ("stream", {"stream": 1}),
        ("stop", {"stop": [7]}),
        ("stop", {"stop": {"at": "END"}}),
        ("tools", {"tools": {"type": "function"}}),
        ("tools[0]", {"tools": ["look_up"]}),
        ("tools[0]", {"tools": tool(description="no name")}),
        ("tools[0]", {"tools": tool(name="look_up", parameters="any")}),
        ("tools[0]", {"tools": [{"type": "custom", "custom": {"name": "look_up"}}]}),
        ("tool_choice", {"tool_choice": {"type": "function"}}),
        ("tool_choice", {"tool_choice": []}),
        ("user", {"user": 7}),
        ("response_format", {"response_format": "json"}),
        ("response_format", {"response_format": {"type": "json_schema", "json_schema": {"name": "city"}}}),
        ("reasoning_effort", {"reasoning_effort": "heroic"}),
        ("reasoning_effort", {"reasoning_effort": ["low"]}),
        ("n", {"n": 0}),
        ("functions", {"functions": []}),
        ("audio", {"audio": {"voice": "ash"}}),
    ],
)
def test_it_refuses(param: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        translated(**changes)

    assert refused.value.param == param


@pytest.mark.parametrize("arguments", ["{", "[]", '"tea"', "7", "[" * 100_000])
def test_it_refuses_arguments_that_are_not_an_object(arguments: str) -> None:
    call = {"id": "call_1", "function": {"name": "look_up", "arguments": arguments}}

    with pytest.raises(InvalidRequest, match="arguments must be"):
        translated(messages=message(role="assistant", tool_calls=[call]))


@pytest.mark.parametrize("options", [7, "usage", [True]])
def test_it_refuses_stream_options_that_are_not_an_object(options: Any) -> None:
    with pytest.raises(InvalidRequest):
        openai.wants_usage({"stream": True, "stream_options": options})


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"max_tokens": 7}, {"max_tokens": 7}),
        ({"max_tokens": 7, "max_completion_tokens": 9}, {"max_tokens": 9}),
        ({"max_tokens": None, "max_completion_tokens": None}, {"max_tokens": asked.DEFAULT_MAX_TOKENS}),
        ({"stream": True}, {"stream": True}),
        ({"stream": False}, {"stream": False}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["END", "STOP"]}, {"stop_sequences": ["END", "STOP"]}),
        ({"user": "42"}, {"metadata": {"user_id": "42"}}),
        ({"tool_choice": "none"}, {"tool_choice": {"type": "none"}}),
        ({"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "look_up"}}},
            {"tool_choice": {"type": "tool", "name": "look_up"}},
        ),
        (
            {"tools": tool(name="look_up"), "parallel_tool_calls": False},
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        (
            {"tool_choice": "required", "parallel_tool_calls": False},
            {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        ),
        (
            {"tools": tool(name="look_up")},
            {"tools": [{"name": "look_up", "input_schema": {"type": "object", "properties": {}}}]},
        ),
        (
            {"tools": tool(name="look_up", description="Looks up.", strict=True, parameters={"type": "object"})},
            {
                "tools": [
                    {
                        "name": "look_up",
                        "input_schema": {"type": "object"},
                        "description": "Looks up.",
                        "strict": True,
                    }
                ]
            },
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        ),
    ],
)
def test_it_translates(asked: dict[str, Any], expected: dict[str, Any]) -> None:
    body = translated(**asked)

    assert {name: body.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "asked",
    [
        {"stop": None},
        {"stop": []},
        {"tools": []},
        {"tool_choice": "auto"},
        {"parallel_tool_calls": False},
        {"user": ""},
        {"response_format": {"type": "text"}},
        {"reasoning_effort": "none"},
        {"n": 1},
        {"temperature": None},
    ],
    ids=str,
)
def test_it_leaves_out_what_says_nothing(asked: dict[str, Any]) -> None:
    assert openai.to_anthropic({**BODY, **asked}) == (translated(), [])


@pytest.mark.parametrize(
    ("effort", "expected"),
    [("minimal", "low"), ("low", "low"), ("medium", "medium"), ("high", "high"), ("xhigh", "xhigh"), ("max", "max")],
)
def test_it_translates_effort(effort: str, expected: str) -> None:
    assert translated(reasoning_effort=effort)["output_config"] == {"effort": expected}


@pytest.mark.parametrize("name", sorted(asked.DROPPED))
def test_it_drops(name: str) -> None:
    assert openai.to_anthropic({**BODY, name: 1}) == (translated(), [name])


def test_no_parameter_is_both_translated_and_dropped() -> None:
    assert not asked.TRANSLATED & asked.DROPPED


@pytest.mark.parametrize(
    ("said", "block"),
    [
        ({"type": "text", "text": "Hello"}, {"type": "text", "text": "Hello"}),
        ({"type": "refusal", "refusal": "No."}, {"type": "text", "text": "No."}),
        (
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,PHN2Zy8+"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/svg+xml", "data": "PHN2Zy8+"}},
        ),
    ],
)
def test_it_translates_a_part(said: dict[str, Any], block: dict[str, Any]) -> None:
    assert translated(messages=part(**said))["messages"][0]["content"] == [block]


def test_an_assistant_may_speak_and_call() -> None:
    body = translated(messages=message(role="assistant", content="I look it up.", tool_calls=[CALL]))

    assert body["messages"][1] == {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "I look it up."},
            {"type": "tool_use", "id": "call_1", "name": "look_up", "input": {"word": "tea"}},
        ],
    }


def test_an_assistants_refusal_is_what_it_said() -> None:
    body = translated(messages=message(role="assistant", content=None, refusal="No."))

    assert body["messages"][1]["content"] == [{"type": "text", "text": "No."}]


def test_a_call_without_arguments_has_an_empty_input() -> None:
    call = {"id": "call_1", "function": {"name": "look_up", "arguments": ""}}

    body = translated(messages=message(role="assistant", tool_calls=[call]))

    assert body["messages"][1]["content"][0]["input"] == {}


def test_the_results_of_one_round_of_tools_are_one_message() -> None:
    calls = {"role": "assistant", "tool_calls": [{**CALL, "id": "1"}, {**CALL, "id": "2"}]}
    results = [{"role": "tool", "tool_call_id": name, "content": name} for name in ("1", "2")]

    body = translated(messages=[HELLO, calls, *results])

    assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == ["1", "2"]


def test_the_results_of_two_rounds_of_tools_are_two_messages() -> None:
    rounds = [
        said
        for name in ("1", "2")
        for said in (
            {"role": "assistant", "tool_calls": [{**CALL, "id": name}]},
            {"role": "tool", "tool_call_id": name, "content": name},
        )
    ]

    body = translated(messages=[HELLO, *rounds])

    assert [said["role"] for said in body["messages"]] == ["user", "assistant", "user", "assistant", "user"]


def test_a_tools_result_may_be_in_parts() -> None:
    parts = [{"type": "text", "text": "18 "}, {"type": "text", "text": "degrees"}]

    body = translated(messages=message(role="tool", tool_call_id="1", content=parts))

    assert body["messages"][1]["content"][0]["content"] == "18 degrees"


# ---- what is answered ----------------------------------------------------------------------------------------------


def chunks_of(*events: dict[str, Any], demo: bool = False) -> list[dict[str, Any]]:
    chunks = openai.Chunks(request_id="req_1", model="m", created=1, with_usage=False, demo=demo)
    frames = b"".join(map(chunks.of, events)).decode().split("\n\n")
    return [json.loads(frame.removeprefix("data: ")) for frame in frames if frame]


def deltas_of(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks_of(*events)]


def delta(index: int = 0, **fields: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def begun(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "ping"},
        {"type": "message_stop"},
        {"type": "content_block_stop", "index": 0},
        {"type": "something_new"},
        begun(0, type="text", text=""),
        begun(0, type="thinking", thinking="", signature=""),
        delta(type="thinking_delta", thinking="Hm."),
        delta(type="signature_delta", signature="abc"),
        delta(type="input_json_delta", partial_json="{}"),
    ],
)
def test_it_has_no_words_for(event: dict[str, Any]) -> None:
    assert chunks_of(event) == []


def test_calls_of_tools_are_counted_apart_from_other_blocks() -> None:
    first, second, part_of_first, part_of_second = deltas_of(
        begun(1, type="tool_use", id="a", name="look_up", input={}),
        begun(2, type="tool_use", id="b", name="look_up", input={}),
        delta(1, type="input_json_delta", partial_json="{}"),
        delta(2, type="input_json_delta", partial_json="[]"),
    )

    assert first["tool_calls"][0] == {
        "index": 0,
        "id": "a",
        "type": "function",
        "function": {"name": "look_up", "arguments": ""},
    }
    assert second["tool_calls"][0]["index"] == 1
    assert part_of_first["tool_calls"] == [{"index": 0, "function": {"arguments": "{}"}}]
    assert part_of_second["tool_calls"] == [{"index": 1, "function": {"arguments": "[]"}}]


def test_chunks_keep_letters_as_they_are() -> None:
    chunks = openai.Chunks(request_id="req_1", model="m", created=1, with_usage=False, demo=False)

    assert "Grüße, 世界".encode() in chunks.of(delta(type="text_delta", text="Grüße, 世界"))


def test_chunks_of_the_demo_say_so() -> None:
    [chunk] = chunks_of(delta(type="text_delta", text="Hello"), demo=True)

    assert chunk["demo"] is True


@pytest.mark.parametrize(
    ("stop_reason", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
        (None, "stop"),
    ],
)
def test_it_says_why_the_answer_ended(stop_reason: str | None, expected: str) -> None:
    [chunk] = chunks_of({"type": "message_delta", "delta": {"stop_reason": stop_reason}})

    assert chunk["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": expected}


def completion(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = {"content": list(blocks), "stop_reason": "end_turn", **fields}
    return openai.completion(answer, request_id="req_1", model="m", created=1, usage=Usage(input=1, output=2))


def test_text_blocks_become_one_text_without_the_thinking() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}

    answer = completion(thought, {"type": "text", "text": "Good "}, {"type": "text", "text": "morning."})

    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Good morning.", "refusal": None}


def test_arguments_become_text() -> None:
    answer = completion({"type": "tool_use", "id": "a", "name": "look_up", "input": {"word": "thé"}})

    [call] = answer["choices"][0]["message"]["tool_calls"]
    assert call == {"id": "a", "type": "function", "function": {"name": "look_up", "arguments": '{"word": "thé"}'}}


def test_a_completion_of_the_demo_says_so() -> None:
    assert completion(demo=True)["demo"] is True
    assert "demo" not in completion()


def test_prompt_tokens_include_every_kind_of_cached_ones() -> None:
    usage = Usage(input=10, cache_write_5m=20, cache_write_1h=30, cache_read=40, output=5)

    assert answered.usage_body(usage) == {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "total_tokens": 105,
        "prompt_tokens_details": {"cached_tokens": 40},
    }


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        (timedelta(seconds=-5), "0s"),
        (timedelta(milliseconds=1), "1s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(minutes=6), "6m0s"),
        (timedelta(hours=23, minutes=59, seconds=1), "23h59m1s"),
        (timedelta(days=30), "720h0m0s"),
    ],
)
def test_it_says_when_a_limit_begins_anew(wait: timedelta, expected: str) -> None:
    headers = openai.rate_limit_headers([replace(TOKENS, resets_at=NOON + wait)], NOON)

    assert headers["x-ratelimit-reset-tokens"] == expected


def test_the_tightest_of_a_meters_limits_is_named() -> None:
    month = replace(TOKENS, window="month", limit=450)

    headers = openai.rate_limit_headers([TOKENS, month], NOON)

    assert (headers["x-ratelimit-limit-tokens"], headers["x-ratelimit-remaining-tokens"]) == ("450", "50")
    assert "x-ratelimit-limit-requests" not in headers
