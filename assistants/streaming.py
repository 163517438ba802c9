"""A turn as a stream over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from django.http import StreamingHttpResponse

KEEP_ALIVE = b": keep-alive\n\n"


def event(name: str, data: Mapping[str, Any], *, offset: int) -> bytes:
    """One server-sent event. Its id is how many characters of the answer a client has that got this far."""
    return f"event: {name}\nid: {offset}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode(errors="replace")


class Audience(Protocol):
    def leave(self) -> None: ...


class EventStream(StreamingHttpResponse):
    """Server-sent events. However the response ends, begun or not, its audience leaves."""

    def __init__(self, frames: AsyncIterator[bytes], audience: Audience | None, headers: Mapping[str, str]) -> None:
        super().__init__(frames, content_type="text/event-stream; charset=utf-8", headers=dict(headers))
        self["Cache-Control"] = "no-cache, no-transform"
        self["X-Accel-Buffering"] = "no"
        self.audience = audience
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        super().close()
        # Django closes a response in a thread of its own.
        if self.audience:
            self._loop.call_soon_threadsafe(self.audience.leave)
