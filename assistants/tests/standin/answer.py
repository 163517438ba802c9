"""What is answered: planned whole from the request and the script, then told as a message or as events."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Literal
from uuid import uuid4

from assistants.tests.standin.checks import ApiError
from assistants.tests.standin.examples import example
from assistants.tests.standin.prompt import Block, Body, blocks_of, compact, last_user_blocks, text_of
from assistants.tests.standin.script import Script, without_directives
from assistants.tests.standin.tokens import compose, count, in_events, pieces

USUAL_TOKENS = range(24, 48)


@dataclass
class Part:
    """A content block to be: its tokens as text, and those that are billed but not shown."""

    type: Literal["text", "thinking", "tool_use"]
    written: list[str]
    unseen: int = 0
    name: str = ""
    signature: str = ""

    @property
    def tokens(self) -> int:
        return self.unseen + len(self.written)

    @property
    def text(self) -> str:
        return "".join(self.written)


@dataclass
class Answer:
    parts: list[Part]
    stop_reason: str
    stop_sequence: str | None = None

    @property
    def tokens(self) -> int:
        return sum(part.tokens for part in self.parts)

    @property
    def thinking_tokens(self) -> int:
        return sum(part.tokens for part in self.parts if part.type == "thinking")


@dataclass(frozen=True)
class Event:
    name: str
    data: dict[str, Any]
    tokens: int = 0

    @property
    def is_delta(self) -> bool:
        return self.name == "content_block_delta"

    def encode(self) -> bytes:
        data = json.dumps({"type": self.name, **self.data}, ensure_ascii=False, separators=(",", ":"))
        return f"event: {self.name}\ndata: {data}\n\n".encode()


# The plan


def dice(body: Body, script: Script) -> Random:
    """The same request is always answered with the same text, cut into the same events."""
    return Random(f"{script.seed} {text_of(last_user_blocks(body))}")  # noqa: S311  # nobody's secret hangs on it


def plan(body: Body, script: Script) -> Answer:
    """Raises `ApiError` when the script asks for a tool that the request does not bring."""
    chance = dice(body, script)
    tool = _tool(body, script)
    answer = Answer(_thinking(body, script, chance), "tool_use" if tool else "end_turn")
    if not tool or script.tokens > 0 or script.say:
        answer.parts.append(_text(body, script, chance))
    if tool:
        called = compact(example(tool.get("input_schema", {})))
        answer.parts.append(Part("tool_use", pieces(called), unseen=count(tool["name"]), name=tool["name"]))
    answer.stop_reason = script.stop or answer.stop_reason
    _stop_at_sequence(answer, body.get("stop_sequences") or [])
    _stop_at_max_tokens(answer, body["max_tokens"])
    return answer


def _tool(body: Body, script: Script) -> dict[str, Any] | None:
    tools: dict[str, dict[str, Any]] = {tool["name"]: tool for tool in body.get("tools") or []}
    choice = body.get("tool_choice") or {"type": "auto"}
    forced = {"any": next(iter(tools), ""), "tool": choice.get("name", "")}.get(choice["type"], "")
    wanted = script.tool or forced
    if not wanted or choice["type"] == "none":
        return None
    if wanted not in tools:
        raise ApiError(400, f"stand-in: the script calls {wanted}, but the request brings no such tool")
    return tools[wanted]


def _thinking(body: Body, script: Script, chance: Random) -> list[Part]:
    asked = body.get("thinking") or {"type": "disabled"}
    if asked["type"] not in ("enabled", "adaptive") or not script.thinking:
        return []
    signature = base64.b64encode(chance.randbytes(96)).decode()
    if asked.get("display") == "omitted":
        return [Part("thinking", [], unseen=script.thinking, signature=signature)]
    return [Part("thinking", compose(script.thinking, chance), signature=signature)]


def _text(body: Body, script: Script, chance: Random) -> Part:
    output_format = (body.get("output_config") or {}).get("format")
    if script.say:
        return Part("text", pieces(script.say))
    if output_format:
        return Part("text", pieces(compact(example(output_format["schema"]))))
    tokens = chance.choice(USUAL_TOKENS) if script.tokens < 0 else script.tokens
    return Part("text", compose(tokens, chance, opening=_opening(last_user_blocks(body))))


def _opening(blocks: list[Block]) -> str:
    """What the answer must show that it has seen: tool results and images."""
    results = [block for block in blocks if block["type"] == "tool_result"]
    images = sum(_images(block) for block in blocks)
    seen = [f'The tool says "{without_directives(text_of([result]))}".' for result in results]
    if images:
        seen.append(f"I see {images} image{'s' * (images > 1)}.")
    return " ".join(seen)


def _images(block: Block) -> int:
    return int(block["type"] == "image") + sum(_images(part) for part in blocks_of(block))


def _stop_at_sequence(answer: Answer, stops: list[str]) -> None:
    for number, part in enumerate(answer.parts):
        found = [(part.text.find(stop), stop) for stop in stops if part.type == "text" and stop in part.text]
        if found:
            at, stop = min(found)
            part.written = pieces(part.text[:at])
            answer.parts = answer.parts[: number + 1]
            answer.stop_reason, answer.stop_sequence = "stop_sequence", stop
            return


def _stop_at_max_tokens(answer: Answer, left: int) -> None:
    if answer.tokens <= left:
        return
    kept: list[Part] = []
    for part in answer.parts:
        if part.type == "tool_use" and part.unseen >= left:
            break
        part.unseen = min(part.unseen, left)
        part.written = part.written[: left - part.unseen]
        left -= part.tokens
        kept.append(part)
        if not left:
            break
    answer.parts = kept
    answer.stop_reason, answer.stop_sequence = "max_tokens", None


# The telling


@dataclass(frozen=True)
class Usage:
    input_tokens: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int

    def counts(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": self.cache_write_5m + self.cache_write_1h,
            "cache_read_input_tokens": self.cache_read,
        }

    def opening(self) -> dict[str, Any]:
        """With the placeholder that `message_start` has for the output."""
        split = {
            "ephemeral_5m_input_tokens": self.cache_write_5m,
            "ephemeral_1h_input_tokens": self.cache_write_1h,
        }
        return {**self.counts(), "cache_creation": split, "output_tokens": 1, "service_tier": "standard"}


@dataclass(frozen=True)
class Telling:
    model: str
    answer: Answer
    usage: Usage
    reported_tokens: int
    """What the usage claims; more than the answer has where an overrun was asked for."""
    chance: Random

    def message(self) -> dict[str, Any]:
        usage = {**self.usage.opening(), **self._output()}
        content = [_content(part) for part in self.answer.parts]
        return {**self._head(), "content": content, **self._stop(), "usage": usage}

    def closing_usage(self) -> dict[str, Any]:
        return {**self.usage.counts(), **self._output()}

    def events(self) -> Iterator[Event]:
        nothing: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None}
        yield Event("message_start", {"message": {**self._head(), **nothing, "usage": self.usage.opening()}})
        for index, part in enumerate(self.answer.parts):
            seen = part.unseen if part.type == "tool_use" else 0
            yield Event("content_block_start", {"index": index, "content_block": _empty(part)}, seen)
            if not index:
                yield Event("ping", {})
            for delta, tokens in self._deltas(part):
                yield Event("content_block_delta", {"index": index, "delta": delta}, tokens)
            yield Event("content_block_stop", {"index": index})
        yield Event("message_delta", {"delta": self._stop(), "usage": self.closing_usage()})
        yield Event("message_stop", {})

    def _deltas(self, part: Part) -> Iterator[tuple[dict[str, Any], int]]:
        kind, key = {
            "text": ("text_delta", "text"),
            "thinking": ("thinking_delta", "thinking"),
            "tool_use": ("input_json_delta", "partial_json"),
        }[part.type]
        if part.type == "tool_use":
            yield {"type": kind, key: ""}, 0
        for some in in_events(part.written, self.chance):
            yield {"type": kind, key: "".join(some)}, len(some)
        if part.type == "thinking":
            yield {"type": "signature_delta", "signature": part.signature}, part.unseen

    def _head(self) -> dict[str, Any]:
        return {"id": f"msg_{uuid4().hex[:24]}", "type": "message", "role": "assistant", "model": self.model}

    def _stop(self) -> dict[str, Any]:
        stop = {"stop_reason": self.answer.stop_reason, "stop_sequence": self.answer.stop_sequence}
        if self.answer.stop_reason != "refusal":
            return stop
        return {**stop, "stop_details": {"type": "refusal", "category": None, "explanation": None}}

    def _output(self) -> dict[str, Any]:
        thinking = self.answer.thinking_tokens
        details = {"output_tokens_details": {"thinking_tokens": thinking}} if thinking else {}
        return {"output_tokens": self.reported_tokens, **details}


def _empty(part: Part) -> Block:
    if part.type == "tool_use":
        return {"type": "tool_use", "id": f"toolu_{uuid4().hex[:24]}", "name": part.name, "input": {}}
    if part.type == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": ""}


def _content(part: Part) -> Block:
    if part.type == "tool_use":
        return {**_empty(part), "input": _object(part.text)}
    if part.type == "thinking":
        return {**_empty(part), "thinking": part.text, "signature": part.signature}
    return {"type": "text", "text": part.text}


def _object(text: str) -> dict[str, Any]:
    """Empty where max_tokens cut it short."""
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}
