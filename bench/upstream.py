"""A fast stand-in for the Anthropic API, for measuring only: `python -m bench.upstream [--port N]`.

It prints the port it listens on as one JSON line, then serves until it is terminated. It knows POST /v1/messages
(streamed and not) and POST /v1/messages/count_tokens, over keep-alive HTTP/1.1 on the loopback address. Without a gap a
stream leaves in one write: the kindest case for a server that relays bytes, and the hardest pace to keep up with.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import re
from dataclasses import dataclass
from typing import Any, Final, cast

import uvloop

WORD: Final = "bench "
WORDS: Final = 40
INPUT_TOKENS: Final = 25
LARGEST_REQUEST: Final = 32 * 1024 * 1024

MESSAGE_ID: Final = "msg_01BenchBenchBenchBenchBe"
CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
LAST_CHUNK: Final = b"0\r\n\r\n"


@dataclass(frozen=True)
class Pace:
    """Seconds before the first byte, and between two events of a stream."""

    first_byte: float = 0.0
    gap: float = 0.0


@dataclass(frozen=True)
class Request:
    path: bytes
    body: bytes


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def usage(output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": INPUT_TOKENS,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def message(model: str, content: list[dict[str, str]], stop_reason: str | None, output_tokens: int) -> dict[str, Any]:
    return {
        "id": MESSAGE_ID,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage(output_tokens),
    }


def events(model: str) -> list[dict[str, Any]]:
    text = {"type": "text_delta", "text": WORD}
    return [
        {"type": "message_start", "message": message(model, [], None, 1)},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": text} for _ in range(WORDS)),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": WORDS},
        },
        {"type": "message_stop"},
    ]


def head(status: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"request-id: req_bench", b"", b""])


def json_answer(value: object, status: bytes = b"200 OK") -> bytes:
    body = compact(value).encode()
    return head(status, b"content-type: application/json", b"content-length: %d" % len(body)) + body


def chunk(event: dict[str, Any]) -> bytes:
    data = f"event: {event['type']}\ndata: {compact(event)}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


@functools.lru_cache(maxsize=64)
def stream_parts(model: str) -> tuple[bytes, ...]:
    """The head with the first event, then each further event; the last one closes the body."""
    first, *rest, last = [chunk(event) for event in events(model)]
    stream_head = head(b"200 OK", b"content-type: text/event-stream; charset=utf-8", b"transfer-encoding: chunked")
    return (stream_head + first, *rest, last + LAST_CHUNK)


@functools.lru_cache(maxsize=64)
def whole_stream(model: str) -> bytes:
    return b"".join(stream_parts(model))


@functools.lru_cache(maxsize=64)
def completion(model: str) -> bytes:
    return json_answer(message(model, [{"type": "text", "text": WORD * WORDS}], "end_turn", WORDS))


TOKEN_COUNT: Final = json_answer({"input_tokens": INPUT_TOKENS})


def refusal(status: bytes, kind: str) -> bytes:
    return json_answer({"type": "error", "error": {"type": kind, "message": "Not known to the bench."}}, status)


def take_request(buffer: bytearray) -> Request | None:
    """The first whole request, taken out of the buffer; None while it is incomplete."""
    head_end = buffer.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    request_head = bytes(buffer[:head_end])
    length = CONTENT_LENGTH.search(request_head)
    end = head_end + 4 + (int(length[1]) if length else 0)
    if len(buffer) < end:
        return None
    body = bytes(buffer[head_end + 4 : end])
    del buffer[:end]
    return Request(path=request_head.split(b" ", 2)[1].partition(b"?")[0], body=body)


def answer_parts(request: Request, *, paced: bool) -> tuple[bytes, ...]:
    if request.path == b"/v1/messages/count_tokens":
        return (TOKEN_COUNT,)
    if request.path != b"/v1/messages":
        return (refusal(b"404 Not Found", "not_found_error"),)
    try:
        asked = json.loads(request.body)
        model, streamed = str(asked["model"]), bool(asked.get("stream"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return (refusal(b"400 Bad Request", "invalid_request_error"),)
    if not streamed:
        return (completion(model),)
    return stream_parts(model) if paced else (whole_stream(model),)


class Upstream(asyncio.Protocol):
    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.loop = asyncio.get_running_loop()
        self.buffer = bytearray()
        self.answering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) > LARGEST_REQUEST:
            self.transport.abort()
        elif not self.answering:
            self.answer_next()

    def answer_next(self) -> None:
        while not self.answering and (request := take_request(self.buffer)) is not None:
            parts = answer_parts(request, paced=self.pace.gap > 0)
            if len(parts) == 1 and not self.pace.first_byte:
                self.transport.write(parts[0])
            else:
                self.answering = True
                self.loop.call_later(self.pace.first_byte, self.send_part, parts, 0)

    def send_part(self, parts: tuple[bytes, ...], index: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(parts[index])
        if index + 1 < len(parts):
            self.loop.call_later(self.pace.gap, self.send_part, parts, index + 1)
        else:
            self.answering = False
            self.answer_next()


async def serve(port: int, pace: Pace) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(pace), "127.0.0.1", port, backlog=1024)
    print(compact({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--first-byte-ms", type=float, default=0.0)
    parser.add_argument("--gap-ms", type=float, default=0.0, help="between two events of a stream")
    options = parser.parse_args()
    pace = Pace(first_byte=options.first_byte_ms / 1000, gap=options.gap_ms / 1000)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(options.port, pace))


if __name__ == "__main__":
    main()
