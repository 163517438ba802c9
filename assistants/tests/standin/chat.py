"""The stand-in's other face: the same scripts and the same bill behind OpenAI's chat completions."""

import json
from collections.abc import Mapping
from typing import Any

from assistants.tests.standin.answer import Event, Telling
from assistants.tests.standin.checks import MAX_OUTPUT, ApiError
from assistants.tests.standin.prompt import Block, Body

MODELS = ("open-large", "open-small")
KNOWN = frozenset(
    """
    model messages max_tokens stop temperature top_p tools tool_choice parallel_tool_calls response_format
    reasoning_effort user stream stream_options
    """.split()
)
ROLES = ("system", "user", "assistant", "tool")
CHOICES = {"auto": {"type": "auto"}, "required": {"type": "any"}, "none": {"type": "none"}}
REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
TYPES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
OVERLOADED = b'data: {"error":{"message":"Overloaded","type":"server_error","code":503}}\n\n'
GARBAGE = b'data: {"object":"chat.completion.chunk","choices":[{"del\n\n'


# What is asked


def check_key(headers: Mapping[str, str]) -> None:
    """A key is not asked for, but a wrong one is refused."""
    if headers.get("authorization") == "Bearer sk-wrong":
        raise ApiError(401, "Incorrect API key provided")


def check(body: Body) -> None:
    for name in body:
        if name not in KNOWN:
            raise ApiError(400, f"Unrecognized request argument supplied: {name}")
    if body.get("model") not in MODELS:
        raise ApiError(404, f"The model {body.get('model')} does not exist")
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        raise ApiError(400, "'messages' must be a list with at least one message")
    asked = body.get("max_tokens")
    if not isinstance(asked, int) or not 1 <= asked <= MAX_OUTPUT:
        raise ApiError(400, f"'max_tokens' must be from 1 to {MAX_OUTPUT}")
    called: set[str] = set()
    for message in body["messages"]:
        _check_message(message, called)
        called |= {call["id"] for call in message.get("tool_calls") or []}


def _check_message(message: Body, called: set[str]) -> None:
    if message.get("role") not in ROLES:
        raise ApiError(400, f"{message.get('role')!r} is not a role")
    if not message.get("content") and not message.get("tool_calls"):
        raise ApiError(400, "a message has no content")
    if message["role"] == "tool" and message.get("tool_call_id") not in called:
        raise ApiError(400, "a message of the role 'tool' must answer a call before it")


def as_body(body: Body) -> Body:
    """The same request as the stand-in's other half plans and counts it."""
    messages = [_message(message) for message in body["messages"] if message["role"] != "system"]
    systems = [str(message["content"]) for message in body["messages"] if message["role"] == "system"]
    choice = body.get("tool_choice") or "auto"
    output_format = (body.get("response_format") or {}).get("json_schema")
    return {
        "model": body["model"],
        "max_tokens": body["max_tokens"],
        "messages": messages,
        "system": "\n\n".join(systems),
        "stop_sequences": body.get("stop") or [],
        "tools": [_tool(tool["function"]) for tool in body.get("tools") or []],
        "tool_choice": CHOICES[choice] if isinstance(choice, str) else {"type": "tool", **choice["function"]},
        "output_config": {"format": output_format} if output_format else {},
    }


def _tool(function: Body) -> Body:
    return {"name": function["name"], "input_schema": function.get("parameters") or {}}


def _message(message: Body) -> Body:
    content = message.get("content")
    blocks = (
        [{"type": "text", "text": content}] if isinstance(content, str) else [_part(part) for part in content or []]
    )
    if message["role"] == "tool":
        return {"role": "user", "content": [{"type": "tool_result", "content": blocks}]}
    calls = [
        {"type": "tool_use", "name": call["function"]["name"], "input": json.loads(call["function"]["arguments"])}
        for call in message.get("tool_calls") or []
    ]
    return {"role": message["role"], "content": blocks + calls}


def _part(part: Block) -> Block:
    match part:
        case {"type": "text", "text": str()}:
            return part
        case {"type": "image_url", "image_url": {"url": str(url)}} if url.startswith(("data:image/", "https://")):
            return {"type": "image"}
        case {"type": "file", "file": {"file_data": str()}}:
            return {"type": "document"}
    raise ApiError(400, f"a part of the type {part.get('type')!r} is not known")


# What is told


class Chunks:
    def __init__(self, telling: Telling, *, request_id: str, with_usage: bool) -> None:
        self.telling = telling
        self.with_usage = with_usage
        self.head = {"id": f"chatcmpl-{request_id}", "created": 0, "model": telling.model}
        self.calls: dict[int, int] = {}

    def encode(self, event: Event) -> bytes:
        """The chunks that say what this event says."""
        match event.name, event.data:
            case "message_start", _:
                return self._chunk({"role": "assistant", "content": ""})
            case "content_block_start", {"index": index, "content_block": {"type": "tool_use", **block}}:
                self.calls[index] = len(self.calls)
                function = {"name": block["name"], "arguments": ""}
                call = {"index": self.calls[index], "id": block["id"], "type": "function", "function": function}
                return self._chunk({"tool_calls": [call]})
            case "content_block_delta", {"delta": {"text": text}}:
                return self._chunk({"content": text})
            case "content_block_delta", {"index": index, "delta": {"partial_json": part}}:
                return self._chunk({"tool_calls": [{"index": self.calls[index], "function": {"arguments": part}}]})
            case "message_delta", {"delta": {"stop_reason": reason}}:
                return self._chunk({}, REASONS[reason]) + self._usage()
            case "message_stop", _:
                return b"data: [DONE]\n\n"
        return b""

    def _usage(self) -> bytes:
        return self._data({"choices": [], "usage": usage(self.telling)}) if self.with_usage else b""

    def _chunk(self, delta: Body, reason: str | None = None) -> bytes:
        return self._data({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    def _data(self, said: Body) -> bytes:
        chunk = {**self.head, "object": "chat.completion.chunk", **said}
        return f"data: {json.dumps(chunk, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()

    def completion(self) -> Body:
        blocks = self.telling.message()["content"]
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        calls = [
            {
                "id": block["id"],
                "type": "function",
                "function": {"name": block["name"], "arguments": json.dumps(block["input"])},
            }
            for block in blocks
            if block["type"] == "tool_use"
        ]
        said = {"role": "assistant", "content": text or None} | ({"tool_calls": calls} if calls else {})
        reason = REASONS[self.telling.answer.stop_reason]
        told = {"choices": [{"index": 0, "message": said, "finish_reason": reason}]}
        reported = {"usage": usage(self.telling)} if self.with_usage else {}
        return {**self.head, "object": "chat.completion", **told, **reported}


def usage(telling: Telling) -> dict[str, Any]:
    """The prompt tokens include the cached ones."""
    prompt = telling.usage.input_tokens + telling.usage.cache_read
    return {
        "prompt_tokens": prompt,
        "completion_tokens": telling.reported_tokens,
        "total_tokens": prompt + telling.reported_tokens,
        "prompt_tokens_details": {"cached_tokens": telling.usage.cache_read},
    }


def error(told: ApiError) -> Body:
    kind = TYPES.get(told.status, "server_error" if told.status >= 500 else "invalid_request_error")
    return {"error": {"message": told.message, "type": kind, "param": None, "code": kind}}
