"""The demo provider: no key, no network, no model. It answers by rule, word by word, and says so in every answer.

A token is a word here. Its answers are in Anthropic's format with `"demo": true` added to the message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any
from uuid import uuid4

from assistants.providers.base import ModelCall, ProviderRejected

Block = dict[str, Any]
IMAGE_TOKENS = 1500
WORDS_A_SAMPLE = 50
DOCUMENT_TOKENS = 1500
CHARACTERS_A_TOKEN = 4
SAMPLES: dict[str, Any] = {"string": "demo", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}


class Demo:
    name = "demo"
    demo = True

    def __init__(self, gap: float) -> None:
        """`gap` is the pause between two words, in seconds."""
        self._gap = gap

    async def stream(self, call: ModelCall) -> AsyncGenerator[bytes]:
        for event in events(call):
            yield f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
            if event["type"] == "content_block_delta":
                await asyncio.sleep(self._gap)

    async def complete(self, call: ModelCall) -> bytes:
        """What is given to be answered takes as long as a few words, so that work can be seen to come along."""
        if call.sample is not None:
            await asyncio.sleep(self._gap * WORDS_A_SAMPLE)
        block, stop_reason = answer(call.body, call.sample)
        usage = {**_usage(count(call.body)), "output_tokens": _size(block)}
        message = _message(call) | {"content": [block], "stop_reason": stop_reason, "usage": usage}
        return json.dumps(message, ensure_ascii=False).encode()

    async def count_tokens(self, call: ModelCall) -> int:
        return count(call.body)

    async def close(self) -> None:
        pass


def events(call: ModelCall) -> Iterator[dict[str, Any]]:
    block, stop_reason = answer(call.body, call.sample)
    usage = _usage(count(call.body))
    yield {"type": "message_start", "message": _message(call) | {"usage": {**usage, "output_tokens": 1}}}
    yield {"type": "content_block_start", "index": 0, "content_block": _empty(block)}
    for delta in _deltas(block):
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason, "stop_sequence": None},
        "usage": {**usage, "output_tokens": _size(block)},
    }
    yield {"type": "message_stop"}


def answer(body: dict[str, Any], sample: Any = None) -> tuple[Block, str]:
    """The one block of the answer, and why it stops. Raises `ProviderRejected` as the original would."""
    try:
        return _answer(body, sample)
    except (AttributeError, KeyError, TypeError) as exc:
        raise ProviderRejected("The request is malformed.", status=400, kind="invalid_request_error") from exc


def _answer(body: dict[str, Any], sample: Any) -> tuple[Block, str]:
    """Offered a tool, it calls it, with the caller's sample if there is one; given the result, it quotes it."""
    last = _blocks(_last(body).get("content", ""))
    results = [block for block in last if block.get("type") == "tool_result"]
    tool = None if results else _chosen_tool(body)
    if tool:
        return {
            "type": "tool_use",
            "id": f"toolu_{uuid4().hex[:24]}",
            "name": tool["name"],
            "input": _sample(tool) if sample is None else sample,
        }, "tool_use"
    words = _reply(last, results).split(" ")
    fitting = words[: body["max_tokens"]]
    return {"type": "text", "text": " ".join(fitting)}, "end_turn" if fitting == words else "max_tokens"


def count(body: dict[str, Any]) -> int:
    """Words of everything that goes in."""
    parts = [body.get("system", ""), *(message.get("content", "") for message in body.get("messages", []))]
    tools = [json.dumps(tool) for tool in body.get("tools") or []]
    return sum(_weight(block) for part in [*parts, *tools] for block in _blocks(part))


def _reply(last: list[Block], results: list[Block]) -> str:
    said = " ".join(block["text"] for block in last if block.get("type") == "text")
    seen = "".join(_seen(kind, sum(block.get("type") == kind for block in last)) for kind in ("image", "document"))
    quoted = "".join(f" The tool said: {_plain(block.get('content', ''))}." for block in results)
    return (
        f"This is the demo provider: no ANTHROPIC_API_KEY is set, so no model was asked.{seen}{quoted} You said: {said}"
    )


def _seen(kind: str, count: int) -> str:
    return f" I see {count} {kind}{'s' * (count > 1)}." if count else ""


def _chosen_tool(body: dict[str, Any]) -> dict[str, Any] | None:
    tools = body.get("tools") or []
    choice = body.get("tool_choice") or {"type": "auto"}
    if choice.get("type") == "none" or not tools:
        return None
    named = [tool for tool in tools if tool.get("name") == choice.get("name")]
    if choice.get("type") == "tool" and not named:
        raise ProviderRejected("tool_choice: no such tool", status=400, kind="invalid_request_error")
    return dict((named or tools)[0])


def _sample(tool: dict[str, Any]) -> dict[str, Any]:
    """An input with every property the tool's schema asks for."""
    schema = tool.get("input_schema") or {}
    properties = schema.get("properties") or {}
    return {name: _sample_of(properties.get(name)) for name in schema.get("required") or []}


def _sample_of(schema: Any) -> Any:
    """A schema may be `true`, and its type a list of types."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    return SAMPLES.get(str(kind), "demo")


def _deltas(block: Block) -> Iterator[Block]:
    if block["type"] == "tool_use":
        yield {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        return
    words = block["text"].split(" ")
    for place, word in enumerate(words):
        yield {"type": "text_delta", "text": word if place == 0 else f" {word}"}


def _empty(block: Block) -> Block:
    return {**block, "input": {}} if block["type"] == "tool_use" else {"type": "text", "text": ""}


def _message(call: ModelCall) -> dict[str, Any]:
    return {
        "id": f"msg_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": call.body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "demo": True,
    }


def _usage(tokens: int) -> dict[str, int]:
    return {"input_tokens": tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


def _last(body: dict[str, Any]) -> dict[str, Any]:
    return dict(body["messages"][-1])


def _blocks(content: Any) -> list[Block]:
    """Content is text or a list of blocks; what is neither has no blocks."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _plain(content: Any) -> str:
    return " ".join(str(block.get("text", "")) for block in _blocks(content))


def _weight(block: Block) -> int:
    if block.get("type") == "image":
        return IMAGE_TOKENS
    if block.get("type") == "document":
        return _weight_of_document(block.get("source"))
    return len(
        (_plain(block["content"]) if "content" in block else str(block.get("text") or block.get("input", ""))).split()
    )


def _weight_of_document(source: Any) -> int:
    """Never more than a page is held for. A small file is no page, and one at an address cannot be seen."""
    match source:
        case {"type": "text", "data": str(text)}:
            return len(text.split())
        case {"type": "content", "content": content}:
            return sum(map(_weight, _blocks(content)))
        case {"data": str(data)}:
            return min(DOCUMENT_TOKENS, len(data) // CHARACTERS_A_TOKEN)
    return DOCUMENT_TOKENS


def _size(block: Block) -> int:
    return len(block["text"].split(" ")) if block["type"] == "text" else len(json.dumps(block["input"]).split(" "))
