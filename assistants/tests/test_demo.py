"""With no key set the demo provider answers: everything works, and every answer says that no model was asked."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message, TextBlock, ToolParam, ToolUseBlock

from accounts.tests.factories import Person
from assistants.models import Turn
from assistants.providers.base import ModelCall
from assistants.providers.demo import Demo
from config.tests.product import Product
from quotas.models import Entry, Reservation

MODEL = "claude-sonnet-5-5"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: ToolParam = {"name": "get_weather", "input_schema": SCHEMA}
WEATHER_FOR_OPENAI: Any = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
HELLO: Any = {"role": "user", "content": "Hello"}
CLAUDE: dict[str, Any] = {"model": MODEL, "max_tokens": 100, "messages": [HELLO]}
GPT: dict[str, Any] = {"model": MODEL, "messages": [HELLO]}


@pytest.fixture
def claude(demo_product: Product, alice: Person) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=demo_product.url, api_key=alice.api_key, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def gpt(demo_product: Product, alice: Person) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{demo_product.url}/v1", api_key=alice.api_key, max_retries=0) as sdk:
        yield sdk


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if isinstance(block, TextBlock))


# ---- Anthropic's format --------------------------------------------------------------------------------------------


def test_it_answers_anthropics_sdk_and_says_so(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(model=MODEL, max_tokens=100, messages=[HELLO])

    assert text_of(message).startswith("This is the demo provider")
    assert text_of(message).endswith("You said: Hello")
    assert message.to_dict()["demo"] is True


def test_it_streams_to_anthropics_sdk_and_says_so(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(model=MODEL, max_tokens=100, messages=[HELLO]) as stream:
        words = list(stream.text_stream)

    assert "".join(words).endswith("You said: Hello")
    assert len(words) > 10
    assert stream.get_final_message().to_dict()["demo"] is True


def test_it_answers_anthropics_asynchronous_sdk(demo_product: Product, alice: Person) -> None:
    async def conversation() -> Message:
        async with anthropic.AsyncAnthropic(base_url=demo_product.url, api_key=alice.api_key) as asking:
            return await asking.messages.create(model=MODEL, max_tokens=100, messages=[HELLO])

    assert text_of(asyncio.run(conversation())).endswith("You said: Hello")


def test_it_calls_a_tool_of_anthropics_format_and_quotes_its_result(claude: anthropic.Anthropic) -> None:
    called = claude.messages.create(model=MODEL, max_tokens=100, messages=[HELLO], tools=[WEATHER])
    [call] = called.content
    assert isinstance(call, ToolUseBlock)
    assert (called.stop_reason, call.input) == ("tool_use", {"city": "demo"})

    said: Any = [{"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}]
    history: Any = [HELLO, {"role": "assistant", "content": called.content}, {"role": "user", "content": said}]
    answer = claude.messages.create(model=MODEL, max_tokens=100, messages=history, tools=[WEATHER])

    assert "The tool said: 18 degrees." in text_of(answer)


def test_it_streams_the_call_of_a_tool_to_anthropics_sdk(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(model=MODEL, max_tokens=100, messages=[HELLO], tools=[WEATHER]) as stream:
        [call] = stream.get_final_message().content

    assert isinstance(call, ToolUseBlock)
    assert (call.name, call.input) == ("get_weather", {"city": "demo"})


def test_a_tools_schema_may_leave_a_property_open(claude: anthropic.Anthropic) -> None:
    tool: Any = {"name": "look_up", "input_schema": {"type": "object", "properties": {"it": True}, "required": ["it"]}}

    [call] = claude.messages.create(model=MODEL, max_tokens=100, messages=[HELLO], tools=[tool]).content

    assert isinstance(call, ToolUseBlock)
    assert call.input == {"it": "demo"}


def test_a_tool_it_cannot_read_is_refused_and_holds_nothing(claude: anthropic.Anthropic, alice: Person) -> None:
    tool: Any = {"name": "look_up", "input_schema": {"type": "object", "required": 5}}

    with pytest.raises(anthropic.BadRequestError):
        claude.messages.create(model=MODEL, max_tokens=100, messages=[HELLO], tools=[tool])

    assert Reservation.objects.get(workspace=alice.workspace).state == "released"


def test_it_sees_an_image_of_anthropics_format(claude: anthropic.Anthropic) -> None:
    image: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}

    message = claude.messages.create(
        model=MODEL, max_tokens=100, messages=[{"role": "user", "content": [image, {"type": "text", "text": "What?"}]}]
    )

    assert "I see 1 image." in text_of(message)


def test_it_stops_at_max_tokens(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(model=MODEL, max_tokens=3, messages=[HELLO])

    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 3)
    assert text_of(message) == "This is the"


def test_it_counts_tokens_as_it_charges_them(claude: anthropic.Anthropic) -> None:
    counted = claude.messages.count_tokens(model=MODEL, messages=[HELLO], system="Be brief.", tools=[WEATHER])
    answer = claude.messages.create(model=MODEL, max_tokens=9, messages=[HELLO], system="Be brief.", tools=[WEATHER])

    assert counted.to_dict()["demo"] is True
    assert counted.input_tokens == answer.usage.input_tokens > 3


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", CLAUDE),
        ("/v1/messages", {**CLAUDE, "stream": True}),
        ("/v1/chat/completions", GPT),
        ("/v1/chat/completions", {**GPT, "stream": True}),
    ],
)
def test_every_answer_says_so_in_a_header_and_in_its_body(
    demo_product: Product, alice: Person, path: str, body: dict[str, Any]
) -> None:
    answer = demo_product.http.post(path, json=body, headers=alice.headers)

    assert answer.headers["x-stipend-demo"] == "true"
    assert '"demo":true' in answer.text.replace(" ", "")


# ---- OpenAI's format -----------------------------------------------------------------------------------------------


def test_it_answers_openais_sdk_and_says_so(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.create(model=MODEL, messages=[HELLO])

    assert (answer.choices[0].message.content or "").endswith("You said: Hello")
    assert answer.to_dict()["demo"] is True


def test_it_says_so_in_every_chunk(gpt: openai.OpenAI) -> None:
    chunks = list(
        gpt.chat.completions.create(model=MODEL, messages=[HELLO], stream=True, stream_options={"include_usage": True})
    )

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.endswith("You said: Hello")
    assert all(chunk.to_dict()["demo"] is True for chunk in chunks)


def test_it_streams_to_openais_asynchronous_sdk(demo_product: Product, alice: Person) -> None:
    async def conversation() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{demo_product.url}/v1", api_key=alice.api_key) as asking:
            stream = await asking.chat.completions.create(model=MODEL, messages=[HELLO], stream=True)
            return [chunk.choices[0].delta.content or "" async for chunk in stream]

    assert "".join(asyncio.run(conversation())).endswith("You said: Hello")


def test_it_calls_a_tool_of_openais_format_and_quotes_its_result(gpt: openai.OpenAI) -> None:
    said: list[Any] = [HELLO]
    called = gpt.chat.completions.create(model=MODEL, messages=said, tools=[WEATHER_FOR_OPENAI]).choices[0]
    [call] = called.message.tool_calls or []
    assert called.finish_reason == "tool_calls"

    said += [called.message, {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}]
    answer = gpt.chat.completions.create(model=MODEL, messages=said, tools=[WEATHER_FOR_OPENAI])

    assert "The tool said: 18 degrees." in (answer.choices[0].message.content or "")


def test_it_streams_the_call_of_a_tool_to_openais_sdk(gpt: openai.OpenAI) -> None:
    with gpt.chat.completions.stream(model=MODEL, messages=[HELLO], tools=[WEATHER_FOR_OPENAI]) as stream:
        [call] = stream.get_final_completion().choices[0].message.tool_calls or []

    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "demo"})


def test_it_sees_an_image_of_openais_format(gpt: openai.OpenAI) -> None:
    image: Any = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}

    answer = gpt.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": [image]}])

    assert "I see 1 image." in (answer.choices[0].message.content or "")


# ---- conversations, and the ledger ---------------------------------------------------------------------------------


def converse(demo_product: Product, person: Person, accept: str) -> Any:
    begun = demo_product.http.post("/api/v1/assistants/conversations", json={}, headers=person.headers).json()
    return demo_product.http.post(
        f"/api/v1/assistants/conversations/{begun['id']}/messages",
        json={"text": "Hello"},
        headers={**person.headers, "Accept": accept},
    )


def test_a_conversation_says_so(demo_product: Product, alice: Person) -> None:
    answer = converse(demo_product, alice, "application/json")

    assert answer.headers["x-stipend-demo"] == "true"
    assert answer.json()["demo"] is True
    assert answer.json()["text"].endswith("You said: Hello")


def test_a_streamed_conversation_says_so_with_its_first_event(demo_product: Product, alice: Person) -> None:
    answer = converse(demo_product, alice, "text/event-stream")

    first = answer.text.split("\n\n")[0].split("\n")
    assert answer.headers["x-stipend-demo"] == "true"
    assert first[0] == "event: message.started"
    assert json.loads(first[-1].removeprefix("data: "))["demo"] is True


def test_it_uses_the_allowance_and_costs_nothing(claude: anthropic.Anthropic, alice: Person) -> None:
    usage = claude.messages.create(model=MODEL, max_tokens=100, messages=[HELLO]).usage

    turn = Turn.objects.get(workspace=alice.workspace)
    assert (turn.provider, turn.cost) == ("demo", 0)
    assert Entry.objects.get(bucket__workspace=alice.workspace, bucket__meter="tokens").amount == (
        usage.input_tokens + usage.output_tokens
    )


def test_it_refuses_a_tool_choice_that_names_no_tool(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="no such tool"):
        claude.messages.create(
            model=MODEL,
            max_tokens=100,
            messages=[HELLO],
            tools=[WEATHER],
            tool_choice={"type": "tool", "name": "get_time"},
        )


def test_it_hands_the_callers_sample_to_the_tool() -> None:
    body = {"model": MODEL, "max_tokens": 100, "messages": [HELLO], "tools": [WEATHER]}

    answer = json.loads(asyncio.run(Demo(gap=0).complete(ModelCall(body, sample={"city": "Lübeck"}))))

    assert answer["content"][0]["input"] == {"city": "Lübeck"}
