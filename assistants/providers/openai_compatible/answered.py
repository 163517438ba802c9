"""OpenAI's chunks as Anthropic's events, and its whole answers as Anthropic's message.

A server that does not say what an answer took gets our estimate in its place, marked `"estimated": true`.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from assistants import estimates
from assistants.providers.base import ProviderBroken
from assistants.reading import parse_object

Body = dict[str, Any]

STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
# Servers disagree on what to call the thinking they show.
THINKING = ("reasoning_content", "reasoning")
DELTAS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}


class Events:
    """The events of one answer, from chunks that may be cut anywhere. One that cannot be read is the `failure`.

    What the prompt took is told at the end alone, so the answer begins with an estimate of it.
    """

    def __init__(self, model: str, prompt_estimate: int) -> None:
        self.failure: ProviderBroken | None = None
        self._model = model
        self._prompt_estimate = prompt_estimate
        self._rest = b""
        self._told: list[Body] = []
        self._blocks = 0
        self._open = ""  # The type of the open block.
        self._call: tuple[object, object] = (None, None)  # The last call of a tool: its index and id.
        self._called = False
        self._written = 0
        self._usage: Body = {}
        self._stop_reason = ""
        self._begun = False
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """The events that these bytes complete."""
        whole, _, self._rest = (self._rest + data).rpartition(b"\n")
        try:
            for line in whole.split(b"\n"):
                self._read(line.strip())
        except ProviderBroken as exc:
            self.failure = exc
        return self._events()

    def end(self) -> bytes:
        """The last events, when the server has nothing more; some never say `[DONE]`. Raises `ProviderBroken`."""
        self._read(self._rest.strip())
        if not self._ended and not self._stop_reason:
            raise ProviderBroken("The provider ended the stream before the answer was whole.")
        self._finish()
        return self._events()

    def _events(self) -> bytes:
        told, self._told = self._told, []
        lines = (f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in told)
        return "".join(lines).encode(errors="replace")

    def _read(self, line: bytes) -> None:
        if self._ended or not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        if data == b"[DONE]":
            self._finish()
        else:
            self._take(parse_object(data))

    def _take(self, chunk: Body) -> None:
        if chunk.get("error"):
            raise _broken(chunk["error"])
        self._begin()
        self._usage = _usage_in(chunk) or self._usage
        try:
            for choice in (chunk.get("choices") or [])[:1]:
                self._take_delta(choice.get("delta") or {})
                self._stop_reason = choice.get("finish_reason") or self._stop_reason
        except (AttributeError, KeyError, TypeError) as exc:
            raise ProviderBroken("The provider sent something of an unknown shape.") from exc

    def _take_delta(self, delta: Body) -> None:
        for name in THINKING:
            if delta.get(name):
                self._write("thinking", delta[name])
                break
        if text := delta.get("content") or delta.get("refusal"):
            self._write("text", text)
        for call in delta.get("tool_calls") or []:
            self._take_call(call)

    def _take_call(self, call: Body) -> None:
        """A call begins where it is named; its arguments may come with that, later, or in parts."""
        function = call.get("function") or {}
        place = (call.get("index"), call.get("id") or self._call[1])
        if function.get("name") and (self._open != "tool_use" or place != self._call):
            self._call, self._called = place, True
            call_id = call.get("id") or f"call_{uuid4().hex[:24]}"
            self._open_block("tool_use", {"id": call_id, "name": function["name"], "input": {}})
        if arguments := function.get("arguments"):
            if self._open != "tool_use" or place != self._call:
                raise ProviderBroken("The provider sent the arguments of a call that is not open.")
            self._delta("input_json_delta", "partial_json", _as_text(arguments))

    def _write(self, kind: str, text: str) -> None:
        name, key = DELTAS[kind]
        if self._open != kind:
            self._open_block(kind, {key: ""})
        self._delta(name, key, text)

    def _delta(self, name: str, key: str, text: str) -> None:
        self._written += len(text.encode(errors="replace"))
        self._tell("content_block_delta", index=self._blocks - 1, delta={"type": name, key: text})

    def _open_block(self, kind: str, block: Body) -> None:
        self._close_block()
        self._open = kind
        self._blocks += 1
        self._tell("content_block_start", index=self._blocks - 1, content_block={"type": kind, **block})

    def _close_block(self) -> None:
        if self._open:
            self._tell("content_block_stop", index=self._blocks - 1)
        self._open = ""

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        usage = {"input_tokens": self._prompt_estimate, "output_tokens": 1}
        nothing: Body = {"content": [], "stop_reason": None, "stop_sequence": None}
        self._tell("message_start", message={**_head(self._model), **nothing, "usage": usage})

    def _finish(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._begin()
        self._close_block()
        usage = self._usage or _estimated(self._prompt_estimate, self._written)
        reason = {"stop_reason": _stop_reason(self._stop_reason, called=self._called), "stop_sequence": None}
        self._tell("message_delta", delta=reason, usage=usage)
        self._tell("message_stop")

    def _tell(self, kind: str, **said: Any) -> None:
        self._told.append({"type": kind, **said})


def message_of(answer: bytes, model: str, prompt_estimate: int) -> bytes:
    """A whole answer. Raises `ProviderBroken`."""
    completion = parse_object(answer)
    if completion.get("error"):
        raise _broken(completion["error"])
    try:
        message = _message(completion, model, prompt_estimate)
    except (AttributeError, IndexError, KeyError, TypeError) as exc:
        raise ProviderBroken("The provider sent something of an unknown shape.") from exc
    return json.dumps(message, ensure_ascii=False).encode(errors="replace")


def _message(completion: Body, model: str, prompt_estimate: int) -> Body:
    [choice, *_] = completion["choices"] or [{}]
    said = choice["message"]
    thinking = next((said[name] for name in THINKING if said.get(name)), "")
    text = said.get("content") or said.get("refusal")
    calls = [_tool_use(call) for call in said.get("tool_calls") or []]
    content = [{"type": "thinking", "thinking": thinking, "signature": ""}] if thinking else []
    content += [{"type": "text", "text": text}] if text else []
    content += calls
    written = len(json.dumps(content, ensure_ascii=False).encode(errors="replace")) if content else 0
    reason = _stop_reason(choice.get("finish_reason") or "", called=bool(calls))
    return {
        **_head(model),
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": _usage_in(completion) or _estimated(prompt_estimate, written),
    }


def _tool_use(call: Body) -> Body:
    return {
        "type": "tool_use",
        "id": call.get("id") or f"call_{uuid4().hex[:24]}",
        "name": call["function"]["name"],
        "input": _arguments(call["function"].get("arguments") or {}),
    }


def _arguments(given: Body | str) -> Body:
    """Those of an answer that was cut at its length are no JSON, which is no failure of the server's."""
    if isinstance(given, dict):
        return given
    try:
        return parse_object(given.encode(errors="replace"))
    except ProviderBroken:
        return {}


def _usage_in(chunk: Body) -> Body:
    """What the server reports, in Anthropic's words; {} where it does not.

    The prompt includes what was cached, which Anthropic tells apart. What was thought is in what was completed, except
    with servers whose sum alone has it.
    """
    usage = chunk.get("usage") or _part(chunk, "x_groq").get("usage")
    if not isinstance(usage, dict):
        return {}
    prompt, completed = _number(usage, "prompt_tokens"), _number(usage, "completion_tokens")
    output = max(completed, _number(usage, "total_tokens") - prompt)
    # Of a prompt one token is always read anew; a report of none would read as no report.
    cached = min(_number(_part(usage, "prompt_tokens_details"), "cached_tokens"), max(0, prompt - 1))
    thought = _number(_part(usage, "completion_tokens_details"), "reasoning_tokens")
    reported = {"input_tokens": prompt - cached, "cache_read_input_tokens": cached, "output_tokens": output}
    return (reported | ({"output_tokens_details": {"thinking_tokens": thought}} if thought else {})) if prompt else {}


def _estimated(prompt: int, written: int) -> Body:
    return {"input_tokens": prompt, "output_tokens": estimates.bytes_tokens(written), "estimated": True}


def _number(usage: Body, name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _part(body: Body, name: str) -> Body:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _stop_reason(reason: str, *, called: bool) -> str:
    """Some servers call a tool and say that they have merely stopped."""
    told = STOP_REASONS.get(reason, "end_turn")
    return "tool_use" if called and told == "end_turn" else told


def _head(model: str) -> Body:
    return {"id": f"msg_{uuid4().hex[:24]}", "type": "message", "role": "assistant", "model": model}


def _as_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _broken(error: object) -> ProviderBroken:
    message = error.get("message") if isinstance(error, dict) else error
    return ProviderBroken(str(message or "The provider broke off."))
