"""A provider that sends the bytes it is given, for what no provider is known to send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from assistants.providers.base import ModelCall, ProviderBroken

START = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":12}}}\n\n'
END = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":9}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def text(said: str) -> bytes:
    """A delta; what is said goes into the JSON as it is."""
    delta = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}' % said.encode()
    return b"event: content_block_delta\ndata: " + delta + b"\n\n"


@dataclass
class Saying:
    """Sends its chunks, then fails as it is told."""

    chunks: list[bytes]
    failure: Exception | None = None
    name: str = "saying"
    demo: bool = False

    async def stream(self, call: ModelCall) -> AsyncGenerator[bytes]:
        for chunk in self.chunks:
            yield chunk
            await asyncio.sleep(0)
        if self.failure:
            raise self.failure

    async def complete(self, call: ModelCall) -> bytes:
        return b"".join(self.chunks)

    async def count_tokens(self, call: ModelCall) -> int:
        raise ProviderBroken("It does not count.")

    async def close(self) -> None:
        pass
