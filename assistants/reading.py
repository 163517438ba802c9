"""Reading what a provider sends, in Anthropic's wire format, while it passes: usage, text, how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from accounts.bodies import MalformedBody, read_strictly
from assistants.prices import Usage
from assistants.providers.base import ProviderBroken, ProviderError

Event = dict[str, Any]

QUOTA = "quota"
"""Why an answer ended that an allowance ended."""
STOPPED = "stopped"
"""Why one ended that somebody stopped."""


@dataclass(frozen=True)
class Piece:
    """Whole events as they came, and what they say. `offset`: characters of text that came before."""

    data: bytes
    events: list[Event]
    offset: int = 0

    @property
    def text(self) -> str:
        return "".join(map(text_of, self.events))


def joined(pieces: list[Piece]) -> Piece:
    events = [event for piece in pieces for event in piece.events]
    return Piece(b"".join(piece.data for piece in pieces), events, pieces[0].offset)


class Reading:
    """One answer, as far as it has come. Of one that `is_cut` to what an allowance has left, the end says so."""

    def __init__(self, *, is_cut: bool = False) -> None:
        self._is_cut = is_cut
        self.usage = Usage()
        self.started = False
        self.reported = False
        self.ended = False
        self.stop_reason = ""
        self.thinks = False
        self.failure: ProviderError | None = None
        self.delivered_bytes = 0
        self._open_block: int | None = None
        self._rest = b""
        self._delivered: list[str] = []
        self._text: list[str] = []
        self._length = 0

    @property
    def delivered(self) -> str:
        """Everything the model sent: text, thinking, the input of tools."""
        return holdable("".join(self._delivered))

    @property
    def text(self) -> str:
        """What of it people read."""
        return holdable("".join(self._text))

    @property
    def delivers(self) -> bool:
        return bool(self._delivered)

    def feed(self, chunk: bytes) -> Piece:
        """The whole events that this chunk completes. One that cannot be read ends the piece and is the `failure`."""
        whole, _, self._rest = (self._rest + chunk).rpartition(b"\n\n")
        offset = self._length
        good: list[bytes] = []
        events: list[Event] = []
        for raw in whole.split(b"\n\n") if whole else []:
            try:
                event = self._read(raw)
            except ProviderError as exc:
                self.failure = exc
                break
            good.append((self._as_quota(event) or raw) + b"\n\n")
            events.append(event)
        return Piece(b"".join(good), events, offset)

    def read_message(self, body: bytes) -> Event:
        """The same for an answer that is not streamed. Raises `ProviderBroken`."""
        message = parse_object(body)
        with _shape_expected():
            if self._is_cut and message.get("stop_reason") == "max_tokens":
                message["stop_reason"] = QUOTA
            self.usage.report(message.get("usage") or {})
            self.stop_reason = message.get("stop_reason") or ""
            self._delivered = [text for block in message["content"] for text in _written(block)]
            self.reported = _is_report(message.get("usage"))
        self.started = self.ended = True
        return message

    def _read(self, raw: bytes) -> Event:
        event = parse(raw)
        with _shape_expected():
            self._take(event)
        return event

    def _take(self, event: Event) -> None:
        match event.get("type"):
            case "message_start":
                self.started = True
                self.usage.report(event["message"].get("usage") or {})
            case "content_block_start":
                self.thinks |= event["content_block"].get("type") in ("thinking", "redacted_thinking")
                self._open_block = event.get("index", 0)
                self._deliver(event["content_block"])
            case "content_block_delta":
                self._deliver(event["delta"])
                self._text.append(text_of(event))
                self._length += len(self._text[-1])
            case "content_block_stop":
                self._open_block = None
            case "message_delta":
                self.reported = _is_report(event.get("usage"))
                self.stop_reason = event["delta"].get("stop_reason") or ""
                self.usage.report(event.get("usage") or {})
            case "message_stop":
                self.ended = True
            case "error":
                raise _broken(event.get("error") or {})

    def _as_quota(self, event: Event) -> bytes | None:
        """The end of an answer that is cut, as we say it; None for every other event."""
        if not (self._is_cut and self.stop_reason == "max_tokens" and event.get("type") == "message_delta"):
            return None
        self.stop_reason = event["delta"]["stop_reason"] = QUOTA
        return f"event: message_delta\ndata: {json.dumps(event, ensure_ascii=False)}".encode(errors="replace")

    def _deliver(self, part: Event) -> None:
        written = _written(part)
        self.delivered_bytes += sum(len(text.encode(errors="replace")) for text in written)
        self._delivered.extend(written)

    def closing(self, output_tokens: int) -> Piece:
        """The events that end an answer we cut off, as the provider would have ended it."""
        events: list[Event] = []
        if self._open_block is not None:
            events.append({"type": "content_block_stop", "index": self._open_block})
        events += [
            {
                "type": "message_delta",
                "delta": {"stop_reason": self.stop_reason, "stop_sequence": None},
                "usage": {"output_tokens": output_tokens},
            },
            {"type": "message_stop"},
        ]
        lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        return Piece("".join(lines).encode(), events, self._length)


def parse(raw: bytes) -> Event:
    """One event's data; {} for a comment. Raises `ProviderBroken` for what is not JSON."""
    lines = [line[5:] for line in raw.split(b"\n") if line.startswith(b"data:")]
    return parse_object(b"\n".join(lines)) if lines else {}


def text_of(event: Event) -> str:
    """The text an event adds to the answer people read; thinking and tools are not."""
    if event.get("type") == "content_block_delta":
        return str(event["delta"].get("text", ""))
    return ""


def holdable(text: str) -> str:
    """As long a text that PostgreSQL can hold: a model may write NUL, or half a surrogate pair."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _is_report(usage: Any) -> bool:
    """False for what a provider of ours has estimated, since the one it asked did not say."""
    return not (isinstance(usage, dict) and usage.get("estimated"))


@contextmanager
def _shape_expected() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, AttributeError) as exc:
        raise ProviderBroken("The provider sent something of an unknown shape.") from exc


def _written(part: Event) -> list[str]:
    return [part[name] for name in ("text", "thinking", "signature", "data", "partial_json", "name") if part.get(name)]


def parse_object(body: bytes) -> Event:
    """Raises `ProviderBroken` for what is no JSON object, or one that a client of ours would not read."""
    try:
        value = read_strictly(body)
    except MalformedBody as exc:
        raise ProviderBroken("The provider sent what is not JSON.") from exc
    if not isinstance(value, dict):
        raise ProviderBroken("The provider sent what is not an object.")
    return value


def _broken(error: Event) -> ProviderBroken:
    broken = ProviderBroken(str(error.get("message", "The provider broke off.")))
    broken.kind = str(error.get("type", "api_error"))
    return broken
