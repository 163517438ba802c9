"""The official SDK of OpenAI against the product: only base URL and key differ."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from django.utils.timezone import now
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageParam,
)
from pydantic import BaseModel

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
PARAMETERS: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather in a city.", "parameters": PARAMETERS},
}
CACHED = "[[cache_read=1000 cache_write=500 cache_write_1h=100]]"
BODY: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}

Asked = Callable[[openai.OpenAI, str], ChatCompletion]


class City(BaseModel):
    name: str
    inhabitants: int


@pytest.fixture
def gpt(product: Product, alice: Person) -> Iterator[openai.OpenAI]:
    """Alice's SDK. It does not try again unless a test lets it."""
    with openai.OpenAI(base_url=f"{product.url}/v1", api_key=alice.api_key, max_retries=0) as sdk:
        yield sdk


def user(text: str) -> ChatCompletionMessageParam:
    return {"role": "user", "content": text}


def mark(person: Person) -> str:
    """In what is said, it finds the call on the stand-in's bill."""
    return f"[[tag={person.user.email}]]"


def ask(gpt: openai.OpenAI, text: str, *, max_tokens: int = 100) -> ChatCompletion:
    return gpt.chat.completions.create(model=MODEL, max_completion_tokens=max_tokens, messages=[user(text)])


def ask_streaming(gpt: openai.OpenAI, text: str) -> ChatCompletion:
    """The SDK puts the chunks together again."""
    with gpt.chat.completions.stream(
        model=MODEL, max_completion_tokens=100, messages=[user(text)], stream_options={"include_usage": True}
    ) as stream:
        return stream.get_final_completion()


def chunks_of(gpt: openai.OpenAI, text: str) -> list[ChatCompletionChunk]:
    return list(gpt.chat.completions.create(model=MODEL, messages=[user(text)], stream=True))


def post(gpt: openai.OpenAI, body: dict[str, Any]) -> ChatCompletion:
    """A body that the SDK's own methods would not let through."""
    return gpt.post("/chat/completions", cast_to=ChatCompletion, body=body)


def text_of(answer: ChatCompletion) -> str | None:
    return answer.choices[0].message.content


def calls_of(answer: ChatCompletion) -> list[ChatCompletionMessageFunctionToolCall]:
    calls = answer.choices[0].message.tool_calls or []
    return [call for call in calls if isinstance(call, ChatCompletionMessageFunctionToolCall)]


def billed(standin: StandIn, person: Person) -> Call:
    return standin.settled(person.user.email)[-1]


def charged(person: Person) -> list[int]:
    entries = Entry.objects.filter(bucket__workspace=person.workspace, bucket__meter="tokens")
    return list(entries.values_list("amount", flat=True))


def spend_all(gpt: openai.OpenAI) -> ChatCompletion:
    """Use the day's tokens up to the last one."""
    return ask(gpt, "[[tokens=12000]]", max_tokens=12_000)


# ---- text ----------------------------------------------------------------------------------------------------------


def test_it_answers_whole(gpt: openai.OpenAI) -> None:
    answer = ask(gpt, "[[say=Good morning.]]")

    assert text_of(answer) == "Good morning."
    assert (answer.object, answer.model, answer.choices[0].message.role) == ("chat.completion", MODEL, "assistant")
    assert answer.choices[0].finish_reason == "stop"


def test_it_streams_text(gpt: openai.OpenAI) -> None:
    chunks = chunks_of(gpt, "[[say=Good morning, everybody here.]]")

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Good morning, everybody here."
    assert len(chunks) > 3


def test_a_stream_begins_with_the_role_and_ends_with_the_reason(gpt: openai.OpenAI) -> None:
    first, *middle, last = chunks_of(gpt, "[[tokens=9]]")

    assert (first.object, first.choices[0].delta.role) == ("chat.completion.chunk", "assistant")
    assert {chunk.choices[0].finish_reason for chunk in [first, *middle]} == {None}
    assert last.choices[0].finish_reason == "stop"


def test_all_chunks_of_a_stream_bear_one_id_and_one_time(gpt: openai.OpenAI) -> None:
    chunks = chunks_of(gpt, "[[tokens=9]]")

    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1


def test_a_stream_ends_as_the_original_does(product: Product, alice: Person) -> None:
    answer = product.http.post("/v1/chat/completions", json={**BODY, "stream": True}, headers=alice.headers)

    frames = answer.text.removesuffix("\n\n").split("\n\n")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert frames[-1] == "data: [DONE]"
    assert all(json.loads(frame.removeprefix("data: "))["choices"] for frame in frames[:-1])


def test_the_asynchronous_client_gets_an_answer(product: Product, alice: Person) -> None:
    async def conversation() -> ChatCompletion:
        async with openai.AsyncOpenAI(base_url=f"{product.url}/v1", api_key=alice.api_key, max_retries=0) as asking:
            return await asking.chat.completions.create(model=MODEL, messages=[user("[[say=Good evening.]]")])

    assert text_of(asyncio.run(conversation())) == "Good evening."


def test_the_asynchronous_client_streams(product: Product, alice: Person) -> None:
    async def conversation() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{product.url}/v1", api_key=alice.api_key, max_retries=0) as asking:
            stream = await asking.chat.completions.create(
                model=MODEL, messages=[user("[[say=Good night, everybody.]]")], stream=True
            )
            return [chunk.choices[0].delta.content or "" async for chunk in stream]

    assert "".join(asyncio.run(conversation())) == "Good night, everybody."


# ---- usage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [ask, ask_streaming])
def test_it_reports_and_charges_what_the_provider_billed(
    gpt: openai.OpenAI, standin: StandIn, alice: Person, asked: Asked
) -> None:
    usage = asked(gpt, f"Hello [[tokens=20]] {mark(alice)}").usage

    call = billed(standin, alice)
    assert usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (call.input_tokens, call.output_tokens)
    assert charged(alice) == [usage.total_tokens] == [call.input_tokens + call.output_tokens]


@pytest.mark.parametrize("asked", [ask, ask_streaming])
def test_prompt_tokens_include_the_cached_ones(
    gpt: openai.OpenAI, standin: StandIn, alice: Person, asked: Asked
) -> None:
    usage = asked(gpt, f"Hello {CACHED} {mark(alice)}").usage

    assert usage
    assert usage.prompt_tokens_details
    assert usage.prompt_tokens == billed(standin, alice).input_tokens + 1600
    assert usage.prompt_tokens_details.cached_tokens == 1000
    assert charged(alice) == [usage.total_tokens] == [usage.prompt_tokens + usage.completion_tokens]


def test_a_stream_reports_usage_once_at_its_end_where_it_is_asked_for(gpt: openai.OpenAI) -> None:
    stream = gpt.chat.completions.create(
        model=MODEL, messages=[user("[[tokens=9]]")], stream=True, stream_options={"include_usage": True}
    )

    *others, last = list(stream)

    assert last.choices == []
    assert last.usage
    assert last.usage.completion_tokens == 9
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in others)


def test_a_stream_says_nothing_of_usage_where_it_is_not_asked_for(gpt: openai.OpenAI) -> None:
    chunks = chunks_of(gpt, "[[tokens=9]]")

    assert not any("usage" in chunk.model_fields_set for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)


def test_the_record_of_a_turn_names_its_request(gpt: openai.OpenAI) -> None:
    answer = ask(gpt, "Hello")

    turn = Turn.objects.get(request_id=answer._request_id)
    assert (turn.road, turn.model, turn.outcome) == ("chat_completions", MODEL, "completed")
    assert answer.id == f"chatcmpl-{answer._request_id}"


def test_an_answer_says_what_is_left_of_the_day(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.with_raw_response.create(model=MODEL, messages=[user("Hello")], max_tokens=100)

    said = answer.headers
    assert (said["x-ratelimit-limit-tokens"], said["x-ratelimit-limit-requests"]) == ("10000", "100")
    usage = answer.parse().usage
    assert usage
    assert said["x-ratelimit-remaining-tokens"] == str(10_000 - usage.total_tokens)
    assert said["x-ratelimit-remaining-requests"] == "99"
    assert said["x-ratelimit-reset-tokens"].endswith("s")


# ---- what is translated --------------------------------------------------------------------------------------------


def test_system_and_developer_messages_become_the_system_prompt(
    gpt: openai.OpenAI, standin: StandIn, alice: Person
) -> None:
    gpt.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Speak German."}]},
            user(f"Hello {mark(alice)}"),
        ],
    )

    request = billed(standin, alice).request
    assert request["system"] == "Be brief.\n\nSpeak German."
    assert [message["role"] for message in request["messages"]] == ["user"]


def test_a_conversation_keeps_its_order(gpt: openai.OpenAI, standin: StandIn, alice: Person) -> None:
    gpt.chat.completions.create(
        model=MODEL,
        messages=[user("Hello"), {"role": "assistant", "content": "Good day."}, user(f"And? {mark(alice)}")],
    )

    said = billed(standin, alice).request["messages"]
    assert [(message["role"], message["content"][0]["text"][:5]) for message in said] == [
        ("user", "Hello"),
        ("assistant", "Good "),
        ("user", "And? "),
    ]


@pytest.mark.parametrize("stop", ["END", ["STOP", "END"]])
def test_it_stops_where_it_is_told(gpt: openai.OpenAI, stop: str | list[str]) -> None:
    answer = gpt.chat.completions.create(model=MODEL, messages=[user("[[say=one two END three]]")], stop=stop)

    assert (text_of(answer) or "").strip() == "one two"
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_it_stops_at_the_tokens_allowed(gpt: openai.OpenAI, standin: StandIn, alice: Person, name: str) -> None:
    answer = post(gpt, {**BODY, "messages": [user(f"[[tokens=50]] {mark(alice)}")], name: 7})

    assert answer.usage
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 7)
    assert billed(standin, alice).max_tokens == 7


def test_a_refusal_is_a_content_filter(gpt: openai.OpenAI) -> None:
    assert ask(gpt, "[[stop=refusal]]").choices[0].finish_reason == "content_filter"


def test_it_shows_images_to_the_model(gpt: openai.OpenAI, standin: StandIn, alice: Person) -> None:
    answer = gpt.chat.completions.create(
        model=MODEL,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": f"What is it? {mark(alice)}"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
                ],
            }
        ],
    )

    source = billed(standin, alice).request["messages"][0]["content"][1]["source"]
    assert "I see 1 image." in (text_of(answer) or "")
    assert source == {"type": "base64", "media_type": "image/png", "data": PIXEL}


def test_it_calls_a_tool(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.create(model=MODEL, messages=[user("[[tool=get_weather]]")], tools=[WEATHER])

    [call] = calls_of(answer)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert text_of(answer) is None
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Berlin"})


def test_it_streams_the_call_of_a_tool_after_text(gpt: openai.OpenAI) -> None:
    with gpt.chat.completions.stream(
        model=MODEL, messages=[user("[[tool=get_weather tokens=5]]")], tools=[WEATHER]
    ) as stream:
        answer = stream.get_final_completion()

    [call] = answer.choices[0].message.tool_calls or []
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content
    assert call.id.startswith("toolu_")
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Berlin"})


def test_the_model_reads_the_result_of_a_tool(gpt: openai.OpenAI) -> None:
    said: list[Any] = [user("How is the weather? [[tool=get_weather]]")]
    called = gpt.chat.completions.create(model=MODEL, messages=said, tools=[WEATHER])
    [call] = calls_of(called)

    said += [called.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}]
    answer = gpt.chat.completions.create(model=MODEL, messages=said, tools=[WEATHER])

    assert (text_of(answer) or "").startswith('The tool says "18 degrees".')


def test_the_results_of_parallel_calls_reach_the_model_together(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.create(
        model=MODEL,
        tools=[WEATHER],
        messages=[
            user("How is the weather in Berlin and in Rome?"),
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": name, "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
                    for name in ("berlin", "rome")
                ],
            },
            {"role": "tool", "tool_call_id": "berlin", "content": "8 degrees"},
            {"role": "tool", "tool_call_id": "rome", "content": "18 degrees"},
        ],
    )

    assert (text_of(answer) or "").startswith('The tool says "8 degrees". The tool says "18 degrees".')


def test_a_tool_may_be_demanded_alone(gpt: openai.OpenAI, standin: StandIn, alice: Person) -> None:
    answer = gpt.chat.completions.create(
        model=MODEL,
        messages=[user(f"Hello {mark(alice)}")],
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        parallel_tool_calls=False,
    )

    choice = billed(standin, alice).request["tool_choice"]
    assert choice == {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    assert len(calls_of(answer)) == 1


def test_it_answers_in_the_shape_of_a_schema(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.parse(model=MODEL, messages=[user("Which city?")], response_format=City)

    city = answer.choices[0].message.parsed
    assert city
    assert (city.name, city.inhabitants) == ("Berlin", 1)


def test_a_strict_tool_stays_strict(gpt: openai.OpenAI, standin: StandIn, alice: Person) -> None:
    said = user(f"[[tool=City]] {mark(alice)}")

    answer = gpt.chat.completions.parse(model=MODEL, messages=[said], tools=[openai.pydantic_function_tool(City)])

    [call] = answer.choices[0].message.tool_calls or []
    assert billed(standin, alice).request["tools"][0]["strict"] is True
    assert isinstance(call.function.parsed_arguments, City)


def test_effort_and_user_are_passed_on(gpt: openai.OpenAI, standin: StandIn, alice: Person) -> None:
    gpt.chat.completions.create(
        model=MODEL, messages=[user(f"Hello {mark(alice)}")], reasoning_effort="minimal", user="42"
    )

    request = billed(standin, alice).request
    assert (request["output_config"], request["metadata"]) == ({"effort": "low"}, {"user_id": "42"})


def test_it_drops_what_has_no_counterpart_and_says_so(gpt: openai.OpenAI, standin: StandIn, alice: Person) -> None:
    answer = gpt.chat.completions.with_raw_response.create(
        model=MODEL, messages=[user(f"Hello {mark(alice)}")], temperature=0.5, seed=7, logit_bias=None
    )

    assert answer.headers["x-stipend-dropped"].split(", ") == ["seed", "temperature"]
    assert not {"temperature", "seed"} & billed(standin, alice).request.keys()


def test_nothing_is_said_of_dropping_where_nothing_was(product: Product, alice: Person) -> None:
    answer = product.http.post("/v1/chat/completions", json=BODY, headers=alice.headers)

    assert "x-stipend-dropped" not in answer.headers
    assert "demo" not in answer.json()


# ---- models --------------------------------------------------------------------------------------------------------


def test_it_lists_the_models_of_the_plan(gpt: openai.OpenAI) -> None:
    assert [model.id for model in gpt.models.list()] == ["claude-sonnet-5-5", "claude-haiku-5-5"]


def test_it_describes_a_model(gpt: openai.OpenAI) -> None:
    model = gpt.models.retrieve(MODEL)

    assert (model.object, model.id, model.owned_by) == ("model", MODEL, "anthropic")
    assert model.created > 1_700_000_000


@pytest.mark.parametrize("slug", ["gpt-99", NOT_IN_PLAN])
def test_it_does_not_describe_a_model_one_may_not_use(gpt: openai.OpenAI, slug: str) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        gpt.models.retrieve(slug)

    assert refused.value.code == "model_not_found"


# ---- errors --------------------------------------------------------------------------------------------------------


def test_it_refuses_a_request_without_a_key(product: Product) -> None:
    answer = product.http.post("/v1/chat/completions", json=BODY)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_it_refuses_a_key_it_does_not_know(product: Product) -> None:
    with (
        openai.OpenAI(base_url=f"{product.url}/v1", api_key="sk-proj-not-ours", max_retries=0) as asking,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        asking.models.list()

    assert (refused.value.type, refused.value.code) == ("invalid_request_error", "invalid_api_key")


def test_it_refuses_a_revoked_key(gpt: openai.OpenAI, alice: Person) -> None:
    api_keys.revoke(ApiKey.objects.get(workspace=alice.workspace), by=SYSTEM, at=now())

    with pytest.raises(openai.AuthenticationError):
        ask(gpt, "Hello")


BAD_BODIES: list[tuple[str, dict[str, Any]]] = [
    ("model", {"messages": BODY["messages"]}),
    ("model", {**BODY, "model": 7}),
    ("messages", {"model": MODEL}),
    ("messages", {**BODY, "messages": []}),
    ("messages", {**BODY, "messages": [{"role": "system", "content": "Be brief."}]}),
    ("messages[0].role", {**BODY, "messages": [{"role": "robot", "content": "Hello"}]}),
    ("messages[0].content", {**BODY, "messages": [{"role": "user", "content": ""}]}),
    ("max_tokens", {**BODY, "max_tokens": -1}),
    ("max_completion_tokens", {**BODY, "max_completion_tokens": 0}),
    ("n", {**BODY, "n": 2}),
    ("colour", {**BODY, "colour": "blue"}),
    ("tool_choice", {**BODY, "tools": [WEATHER], "tool_choice": "sometimes"}),
    ("tools[0]", {**BODY, "tools": [{"type": "function"}]}),
    ("response_format", {**BODY, "response_format": {"type": "json_object"}}),
    ("stream", {**BODY, "stream": "yes"}),
    ("stream_options", {**BODY, "stream_options": {"include_usage": True}}),
    ("stop", {**BODY, "stop": 7}),
]


@pytest.mark.parametrize(("param", "body"), BAD_BODIES)
def test_it_refuses_what_the_original_refuses_and_names_it(
    gpt: openai.OpenAI, alice: Person, param: str, body: dict[str, Any]
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        post(gpt, body)

    assert (refused.value.type, refused.value.param) == ("invalid_request_error", param)
    assert not Decision.objects.filter(workspace=alice.workspace).exists()


def test_it_hands_on_what_the_provider_refuses_and_charges_nothing(gpt: openai.OpenAI, alice: Person) -> None:
    with pytest.raises(openai.BadRequestError, match="Tool 'get_time' not found"):
        post(gpt, {**BODY, "tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "get_time"}}})

    assert charged(alice) == []
    assert Reservation.objects.get(workspace=alice.workspace).state == "released"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"model": "\\u0000"}'], ids=["nothing", "half", "list", "nul"])
def test_it_refuses_what_is_not_a_json_object(product: Product, alice: Person, content: bytes) -> None:
    answer = product.http.post("/v1/chat/completions", content=content, headers=alice.headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_it_refuses_ten_megabytes(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        ask(gpt, "x" * 10_000_000)

    assert (refused.value.status_code, refused.value.code) == (413, "request_too_large")


def test_it_does_not_know_other_models(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="gpt-99") as refused:
        post(gpt, {**BODY, "model": "gpt-99"})

    assert (refused.value.type, refused.value.code) == ("invalid_request_error", "model_not_found")


def test_it_denies_a_model_the_plan_does_not_include(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError, match=NOT_IN_PLAN) as refused:
        post(gpt, {**BODY, "model": NOT_IN_PLAN})

    assert refused.value.code == "model_not_found"


def test_an_address_that_does_not_exist_is_answered_in_the_formats_shape(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        gpt.embeddings.create(model=MODEL, input="Hello")

    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize("asked", [ask, ask_streaming])
def test_a_spent_allowance_is_an_insufficient_quota(gpt: openai.OpenAI, asked: Asked) -> None:
    spend_all(gpt)

    with pytest.raises(openai.RateLimitError, match="allows 10,000 tokens a day") as refused:
        asked(gpt, "Hello")

    said = refused.value.response.headers
    assert (refused.value.type, refused.value.code) == ("insufficient_quota", "insufficient_quota")
    assert (said["x-should-retry"], said["x-ratelimit-remaining-tokens"]) == ("false", "0")
    assert int(said["retry-after"]) > 0


def test_the_sdk_does_not_try_a_spent_allowance_again(gpt: openai.OpenAI, alice: Person) -> None:
    spend_all(gpt)

    with pytest.raises(openai.RateLimitError):
        ask(gpt.with_options(max_retries=2), "Hello")

    assert Decision.objects.filter(workspace=alice.workspace, admitted=False).count() == 1


def test_where_other_work_holds_what_is_missing_it_is_a_rate_limit_for_a_moment(
    gpt: openai.OpenAI, run: Run[Any], alice: Person
) -> None:
    run(metering.reserve(alice.caller, {"tokens": Ask.exactly(9_999)}, request_id="req_held", at=now()))

    with pytest.raises(openai.RateLimitError) as refused:
        ask(gpt, "Hello")

    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.response.headers["x-should-retry"] == "true"


def test_a_busy_provider_is_a_server_error_to_be_tried_again(gpt: openai.OpenAI, alice: Person) -> None:
    with pytest.raises(openai.InternalServerError) as refused:
        ask(gpt, "[[status=529]]")

    assert (refused.value.status_code, refused.value.code) == (503, "provider_busy")
    assert charged(alice) == []


def test_a_stream_that_breaks_off_ends_with_an_error(gpt: openai.OpenAI, alice: Person) -> None:
    stream = gpt.chat.completions.create(model=MODEL, messages=[user("[[tokens=50 break=error after=5]]")], stream=True)

    with pytest.raises(openai.APIError, match="Overloaded") as broken:
        list(stream)

    assert broken.value.type == "server_error"
    assert Turn.objects.get(workspace=alice.workspace).basis == "estimated"


def test_an_error_bears_the_id_of_its_request(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        post(gpt, {**BODY, "n": 2})

    assert (refused.value.request_id or "").startswith("req_")
