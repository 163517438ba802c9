"""Starts the stand-in and reads its bill.

with start() as standin:
    ...  # point the product at standin.url
    [call] = standin.settled("abc")
    assert call.output_tokens == ...
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

from assistants.tests.standin.bill import Call

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "assistants.tests.standin", "--with-parent")


@dataclass(frozen=True)
class StandIn:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bill(self, tag: str | None = None) -> list[Call]:
        """The calls bearing the tag, or all, in the order they came, as they stand now."""
        return self._calls("/bill?" + _query(tag))

    def settled(self, tag: str | None = None, *, at_least: int = 1) -> list[Call]:
        """The same once there are so many and none is still running. A hang-up takes a moment to be noticed."""
        return self._calls(f"/bill?settled={at_least}&" + _query(tag))

    def forget(self) -> None:
        self._ask("DELETE", "/bill")

    def _calls(self, path: str) -> list[Call]:
        return [Call(**row) for row in json.loads(self._ask("GET", path))]

    def _ask(self, method: str, path: str) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {body.decode()}")
        return body


@contextmanager
def start(port: int = 0) -> Iterator[StandIn]:
    with subprocess.Popen(
        [*COMMAND, "--port", str(port)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield StandIn(_port_of(process))
        finally:
            process.terminate()


def _port_of(process: subprocess.Popen[bytes]) -> int:
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        raise RuntimeError("the stand-in did not start")
    return int(json.loads(line)["port"])


def _query(tag: str | None) -> str:
    return "" if tag is None else f"tag={quote(tag)}"
