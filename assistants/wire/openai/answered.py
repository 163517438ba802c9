"""Anthropic's answers in OpenAI's format: whole, in chunks, as errors, as limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from accounts.moments import seconds_until
from assistants.catalogue import Offer
from assistants.prices import Usage
from assistants.reading import Event
from quotas.limits import Limit, tightest

Body = dict[str, Any]

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "quota": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Chunks:
    """A stream of Anthropic's events as OpenAI's chunks. `demo` is true where no model was asked."""

    def __init__(self, *, request_id: str, model: str, created: int, with_usage: bool, demo: bool) -> None:
        self._head: Body = {
            "id": f"chatcmpl-{request_id}",
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        } | ({"demo": True} if demo else {})
        self._with_usage = with_usage
        self._tools: dict[int, int] = {}

    def of(self, event: Event) -> bytes:
        """The chunk that says what this event says; nothing where OpenAI's format has no words for it."""
        match event:
            case {"type": "message_start"}:
                return self._delta({"role": "assistant", "content": ""})
            case {"type": "content_block_start", "index": int(index), "content_block": {"type": "tool_use", **block}}:
                self._tools[index] = len(self._tools)
                function = {"name": block["name"], "arguments": ""}
                call = {"index": self._tools[index], "id": block["id"], "type": "function", "function": function}
                return self._delta({"tool_calls": [call]})
            case {"type": "content_block_delta", "delta": {"text": str(text)}}:
                return self._delta({"content": text})
            case {"type": "content_block_delta", "index": int(index), "delta": {"partial_json": str(part)}} if (
                index in self._tools
            ):
                return self._delta({"tool_calls": [{"index": self._tools[index], "function": {"arguments": part}}]})
            case {"type": "message_delta", "delta": {"stop_reason": reason}}:
                return self._delta({}, finish_reason(reason))
        return b""

    def end(self, usage: Usage) -> Iterator[bytes]:
        if self._with_usage:
            yield _data({**self._head, "choices": [], "usage": usage_body(usage)})
        yield b"data: [DONE]\n\n"

    def _delta(self, delta: Body, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _data({**self._head, "choices": [choice], **({"usage": None} if self._with_usage else {})})


def completion(message: Event, *, request_id: str, model: str, created: int, usage: Usage) -> Body:
    """Anthropic's whole message as OpenAI's."""
    blocks = message.get("content", [])
    text = "".join(block.get("text", "") for block in blocks if block.get("type") == "text")
    calls = [_tool_call(block) for block in blocks if block.get("type") == "tool_use"]
    said = {"role": "assistant", "content": text or None, "refusal": None, **({"tool_calls": calls} if calls else {})}
    reason = finish_reason(message.get("stop_reason"))
    return {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [{"index": 0, "message": said, "logprobs": None, "finish_reason": reason}],
        "usage": usage_body(usage),
    } | ({"demo": True} if message.get("demo") else {})


def usage_body(usage: Usage) -> Body:
    """OpenAI's prompt tokens include the cached ones, which Anthropic's do not."""
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    }


def finish_reason(stop_reason: str | None) -> str:
    return FINISH_REASONS.get(stop_reason or "", "stop")


def _tool_call(block: Event) -> Body:
    arguments = json.dumps(block["input"], ensure_ascii=False)
    return {"id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": arguments}}


def error_body(message: str, *, kind: str, code: str | None, param: str | None = None) -> Body:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_event(message: str, *, kind: str, code: str) -> bytes:
    return _data(error_body(message, kind=kind, code=code))


def _data(body: Body) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n\n"


def rate_limit_headers(limits: list[Limit], at: datetime) -> dict[str, str]:
    headers = {}
    for meter in ("requests", "tokens"):
        if limit := tightest(limit for limit in limits if limit.meter == meter):
            headers[f"x-ratelimit-limit-{meter}"] = str(limit.limit)
            headers[f"x-ratelimit-remaining-{meter}"] = str(limit.room)
            if limit.resets_at:
                headers[f"x-ratelimit-reset-{meter}"] = _duration(seconds_until(limit.resets_at, at))
    return headers


def _duration(seconds: int) -> str:
    """Such as `6m0s`."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def models(offers: list[Offer]) -> Body:
    return {"object": "list", "data": [model(offer) for offer in offers]}


def model(offer: Offer) -> Body:
    return {
        "id": offer.slug,
        "object": "model",
        "created": int(offer.created_at.timestamp()),
        "owned_by": offer.provider,
    }
