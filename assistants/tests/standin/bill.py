"""The bill: every call in the order it came, and what was really written for it."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["running", "finished", "hung_up", "broken", "refused"]


@dataclass
class Call:
    request_id: str
    tag: str = ""
    model: str = ""
    stream: bool = False
    max_tokens: int | None = None
    status: int = 0
    """0 until the status line was written."""
    state: State = "running"
    input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_write_5m_input_tokens: int = 0
    cache_write_1h_input_tokens: int = 0
    output_tokens: int = 0
    """Written to the socket so far; without streaming all of them or none."""
    deltas: int = 0
    stop_reason: str | None = None
    reported: dict[str, Any] | None = None
    """The `usage` that closed the answer, once it was sent."""
    headers: dict[str, str] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)
    """The body, as it came."""


class Bill:
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._bearing: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def open(self, call: Call) -> Call:
        self.calls.append(call)
        return call

    def tag(self, call: Call, tag: str) -> int:
        """How many calls have borne the tag, with this one."""
        call.tag = tag
        self._bearing[tag] += 1
        return self._bearing[tag]

    def close(self, call: Call, state: State) -> None:
        """The first state a call ends in stays."""
        if call.state == "running":
            call.state = state
            self._changed.set()
            self._changed = asyncio.Event()

    def of(self, tag: str | None) -> list[Call]:
        return [call for call in self.calls if tag is None or call.tag == tag]

    async def settled(self, tag: str | None, *, at_least: int) -> None:
        """Returns when that many calls are on the bill and none is still running."""
        while len(calls := self.of(tag)) < at_least or any(call.state == "running" for call in calls):
            await self._changed.wait()

    def forget(self) -> None:
        self.calls.clear()
        self._bearing.clear()
