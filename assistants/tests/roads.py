"""The three roads to a model, travelled by a client that reads event by event and hangs up when it likes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from uuid import uuid4

from django.db.models import Sum

from accounts.tests.factories import Person
from assistants import conversations
from assistants.models import Turn
from assistants.tests.standin.bill import Call
from config.tests.product import Product, eventually
from quotas.models import Reservation

MODEL = "claude-sonnet-5-5"
PROMPT = "Tell me what you know about the market, our customers and the plan for next week. " * 25


@dataclass(frozen=True)
class Road:
    """`end` is in a stream that came whole, `error` in one that did not."""

    name: str
    end: bytes
    error: bytes

    def __str__(self) -> str:
        return self.name

    def path(self, person: Person, model: str = MODEL) -> str:
        if self is not CONVERSATION:
            return {MESSAGES: "/v1/messages", CHAT: "/v1/chat/completions"}[self]
        conversation = conversations.create(person.caller, title="", system="", model=model)
        return f"/api/v1/assistants/conversations/{conversation.id}/messages"

    def body(self, text: str, *, max_tokens: int, stream: bool, model: str = MODEL) -> dict[str, Any]:
        if self is CONVERSATION:
            return {"text": text, "max_tokens": max_tokens}
        messages = [{"role": "user", "content": text}]
        return {"model": model, "max_tokens": max_tokens, "stream": stream, "messages": messages}


MESSAGES = Road("messages", b"event: message_stop", b"event: error")
CHAT = Road("chat", b"data: [DONE]", b'data: {"error"')
CONVERSATION = Road("conversation", b"event: message.completed", b"event: error")
ROADS = [MESSAGES, CHAT, CONVERSATION]


@dataclass(frozen=True)
class Journey:
    """One request on a road, prepared so that a thread without a database can make it."""

    port: int
    path: str
    headers: dict[str, str]
    body: bytes
    tag: str

    @contextmanager
    def sent(self) -> Iterator[Line]:
        line = Line(self)
        try:
            yield line
        finally:
            line.hang_up()


def journey(
    product: Product,
    road: Road,
    person: Person,
    script: str,
    *,
    max_tokens: int = 400,
    stream: bool = True,
    model: str = MODEL,
) -> Journey:
    """A request whose call bears a tag on the stand-in's bill, and does what the script says."""
    tag = uuid4().hex
    body = road.body(f"{PROMPT}[[tag={tag} {script}]]", max_tokens=max_tokens, stream=stream, model=model)
    headers = {**person.headers, "content-type": "application/json"} | (
        {"accept": "text/event-stream"} if stream else {}
    )
    return Journey(product.port, road.path(person, model), headers, json.dumps(body).encode(), tag)


class Line:
    """The client's end of a connection."""

    def __init__(self, journey: Journey) -> None:
        self._connection = HTTPConnection("127.0.0.1", journey.port, timeout=30)
        self._connection.request("POST", journey.path, journey.body, journey.headers)
        assert self._connection.sock is not None
        self._socket: socket.socket = self._connection.sock
        self._answer: HTTPResponse | None = None

    @property
    def answer(self) -> HTTPResponse:
        if self._answer is None:
            self._answer = self._connection.getresponse()
        return self._answer

    @property
    def request_id(self) -> str:
        return self.answer.headers["X-Request-ID"]

    def event(self) -> bytes:
        """The next event; empty at the end, however that came."""
        lines: list[bytes] = []
        while line := self._line():
            if line == b"\n":
                break
            lines.append(line)
        return b"".join(lines)

    def events(self, most: int | None = None) -> list[bytes]:
        """So many, or all there are."""
        found: list[bytes] = []
        while len(found) != most and (event := self.event()):
            found.append(event)
        return found

    def _line(self) -> bytes:
        try:
            return self.answer.readline()
        except HTTPException:
            return b""

    def hang_up(self) -> None:
        if self._socket.fileno() >= 0:
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._answer is not None:
            self._answer.close()
        self._connection.close()


def resolved(request_id: str, *, within: float = 5) -> Reservation:
    """The request's reservation, once it is resolved."""
    found = Reservation.objects.filter(request_id=request_id)
    eventually(found.exclude(state="pending").exists, within=within)
    return found.get()


def turn_of(reservation: Reservation) -> Turn:
    return Turn.objects.get(reservation=reservation)


def charged_for(reservation: Reservation, meter: str = "tokens") -> int:
    total = reservation.entries.filter(bucket__meter=meter).aggregate(total=Sum("amount"))["total"]
    return int(total or 0)


def billed(call: Call) -> int:
    """What the stand-in says it was asked and has delivered."""
    return call.input_tokens + call.output_tokens


def assert_close(charge: int, bill: int) -> None:
    assert abs(charge - bill) <= bill * 0.05, f"{charge} charged, {bill} billed"
