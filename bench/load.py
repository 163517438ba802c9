"""A closed-loop load generator for the loopback address: `python -m bench.load URL -c 50 -d 5 …`, one JSON line out.

Each connection keeps one request in flight. Only answers that end inside the measured time count for rate and latency;
errors count always, the warm-up included. When the time is over the open requests are read to their end, so that no
server sees a client hang up.
"""

import argparse
import asyncio
import ipaddress
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final, cast
from urllib.parse import urlsplit

import uvloop

from bench.answers import Answer, MalformedAnswer

MOST_CONNECTIONS: Final = 2_000
LONGEST_SECONDS: Final = 300.0
PAUSE_AFTER_A_BROKEN_CONNECTION: Final = 0.05


class NotLoopback(Exception):
    """The address is not on this machine; load is sent nowhere else."""


@dataclass(frozen=True)
class Expectation:
    """What a good answer looks like, beside its status 200. An empty text asks for nothing."""

    last_line: str = ""
    word: str = ""
    times: int = 0

    def fault(self, answer: Answer) -> str:
        """Why the answer is not a good one; an empty text when it is."""
        if answer.status != 200:
            return f"status {answer.status}"
        if self.last_line and self.last_line.encode() not in answer.body.rstrip().rpartition(b"\n")[2]:
            return "incomplete stream"
        if self.word and answer.body.count(self.word.encode()) != self.times:
            return "text missing"
        return ""


@dataclass(frozen=True)
class Load:
    host: str
    port: int
    requests: tuple[bytes, ...]
    """One for each connection, sent again and again."""
    seconds: float
    warm_up: float
    most_requests: int
    time_out: float
    expectation: Expectation


@dataclass
class Tally:
    latencies: list[float] = field(default_factory=list)
    first_bytes: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    first_fault: str = ""
    answered: int = 0

    def add_fault(self, fault: str, detail: bytes = b"") -> None:
        self.faults[fault] += 1
        self.first_fault = self.first_fault or f"{fault}: {detail[-300:].decode(errors='replace')}"


class Run:
    """The clock and the books of one measurement."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.tally = Tally()
        self.started = 0
        self.clients: set[Client] = set()
        self.reconnecting: set[asyncio.Task[None]] = set()
        self.measured_from = perf_counter() + load.warm_up
        self.measured_until = self.measured_from + load.seconds
        self.last_end = self.measured_from

    def may_start(self) -> bool:
        return self.started < self.load.most_requests and perf_counter() < self.measured_until

    def record(self, began: float, first_byte: float, ended: float, answer: Answer) -> None:
        self.tally.answered += 1
        if fault := self.load.expectation.fault(answer):
            self.tally.add_fault(fault, bytes(answer.body))
        elif self.measured_from <= ended < self.measured_until:
            self.tally.latencies.append(ended - began)
            self.tally.first_bytes.append(first_byte - began)
            self.last_end = ended

    async def connect(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Client(self, request), self.load.host, self.load.port)
        except OSError as exc:
            self.tally.add_fault("no connection", str(exc).encode())

    def reconnect(self, request: bytes) -> None:
        task = asyncio.create_task(self.connect_later(request))
        self.reconnecting.add(task)
        task.add_done_callback(self.reconnecting.discard)

    async def connect_later(self, request: bytes) -> None:
        await asyncio.sleep(PAUSE_AFTER_A_BROKEN_CONNECTION)
        if self.may_start():
            await self.connect(request)

    async def finish(self) -> None:
        """Waits until every connection is done; one that takes too long is cut and counted."""
        while self.clients or self.reconnecting:
            await asyncio.sleep(0.02)
            overdue = perf_counter() - self.load.time_out
            for client in [client for client in self.clients if client.began < overdue]:
                client.give_up()


class Client(asyncio.Protocol):
    """One keep-alive connection: a request, the whole answer to it, the next request."""

    def __init__(self, run: Run, request: bytes) -> None:
        self.run = run
        self.request = request
        self.answer = Answer()
        self.began = perf_counter()
        self.first_byte = 0.0
        self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.run.clients.add(self)
        self.send()

    def send(self) -> None:
        if not self.run.may_start():
            self.transport.close()
            return
        self.run.started += 1
        self.answer = Answer()
        self.first_byte = 0.0
        self.waiting = True
        self.began = perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = perf_counter()
        try:
            self.answer.feed(data)
        except MalformedAnswer as exc:
            self.fail("malformed answer", str(exc).encode())
            return
        if not self.first_byte and self.answer.has_begun:
            self.first_byte = now
        if self.answer.complete:
            self.complete()

    def complete(self) -> None:
        self.waiting = False
        self.run.record(self.began, self.first_byte, perf_counter(), self.answer)
        if self.answer.closes:
            self.transport.close()
        else:
            self.send()

    def give_up(self) -> None:
        self.fail("time-out", bytes(self.answer.body))

    def fail(self, fault: str, detail: bytes) -> None:
        if self.waiting:
            self.waiting = False
            self.run.tally.add_fault(fault, detail)
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting:
            self.run.tally.add_fault("cut in the middle", bytes(self.answer.body) or str(exc).encode())
        self.run.clients.discard(self)
        if self.run.may_start():
            self.run.reconnect(self.request)


async def drive(load: Load) -> dict[str, Any]:
    run = Run(load)
    await asyncio.gather(*(run.connect(request) for request in load.requests))
    await run.finish()
    if not run.tally.latencies:
        run.tally.add_fault("nothing measured")
    return summary(run)


def summary(run: Run) -> dict[str, Any]:
    tally = run.tally
    stopped_early = run.started >= run.load.most_requests
    seconds = run.last_end - run.measured_from if stopped_early else run.load.seconds
    return {
        "answered": tally.answered,
        "measured": len(tally.latencies),
        "per_second": round(len(tally.latencies) / seconds, 2) if seconds > 0 else 0.0,
        "p50_ms": milliseconds(tally.latencies, 0.50),
        "p99_ms": milliseconds(tally.latencies, 0.99),
        "first_byte_p50_ms": milliseconds(tally.first_bytes, 0.50),
        "errors": sum(tally.faults.values()),
        "faults": dict(tally.faults),
        "first_fault": tally.first_fault,
    }


def milliseconds(seconds: list[float], share: float) -> float:
    """The value below which that share of them lies, in milliseconds; 0 when there are none."""
    if not seconds:
        return 0.0
    return round(sorted(seconds)[min(int(share * len(seconds)), len(seconds) - 1)] * 1000, 3)


def loopback_address(url: str) -> tuple[str, int, str]:
    """Host, port and path. Raises `NotLoopback`, for names too: what a name leads to is not known here."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        allowed = parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        allowed = False
    if not allowed:
        raise NotLoopback(f"only http://127.0.0.1:PORT/… is measured, not {url}")
    return host, parts.port or 80, parts.path or "/"


def request_bytes(method: str, host: str, path: str, headers: list[str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def build_load(options: argparse.Namespace) -> Load:
    host, port, path = loopback_address(options.url)
    keys = options.keys.read_text().split() if options.keys else [""]
    body = options.body.encode()

    def request(number: int) -> bytes:
        headers = [header.replace("{key}", keys[number % len(keys)]) for header in options.header]
        return request_bytes("POST" if body else "GET", f"{host}:{port}", path, headers, body)

    return Load(
        host=host,
        port=port,
        requests=tuple(request(number) for number in range(min(options.connections, MOST_CONNECTIONS))),
        seconds=min(options.seconds, LONGEST_SECONDS),
        warm_up=min(options.warm_up, LONGEST_SECONDS),
        most_requests=options.most_requests,
        time_out=options.time_out,
        expectation=Expectation(last_line=options.last_line, word=options.word, times=options.times),
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="http://127.0.0.1:PORT/path")
    parser.add_argument("-c", "--connections", type=int, default=1)
    parser.add_argument("-d", "--seconds", type=float, default=5.0, help="measured, after the warm-up")
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--most-requests", type=int, default=2_000_000)
    parser.add_argument("--time-out", type=float, default=30.0, help="of one request")
    parser.add_argument("--body", default="", help="POST this JSON; without it: GET")
    parser.add_argument("--header", action="append", default=[], help="'Name: value'; {key} is the connection's key")
    parser.add_argument("--keys", type=Path, help="a file of keys, one a line, dealt to the connections in turn")
    parser.add_argument("--last-line", default="", help="the last line of a good answer holds this")
    parser.add_argument("--word", default="", help="a good answer holds this word --times times")
    parser.add_argument("--times", type=int, default=0)
    return parser.parse_args()


def main() -> int:
    try:
        load = build_load(parse_options())
    except NotLoopback as exc:
        print(exc, file=sys.stderr)
        return 2
    print(json.dumps(uvloop.run(drive(load))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
