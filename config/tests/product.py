"""The product as its users meet it: a server process on a port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from django.conf import settings
from django.db import connection

PATIENCE_SECONDS = 60


@dataclass
class Product:
    url: str
    process: subprocess.Popen[bytes]
    http: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx2.Client(base_url=self.url, timeout=30)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


SERVER = [sys.executable, "-m", "config.server"]


@contextmanager
def started(
    environment: dict[str, str], *, log: Path | None = None, program: list[str] | None = None
) -> Iterator[Product]:
    """A server process with these settings; it is stopped as a deploy stops it. What it tells goes to `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running(program or SERVER, environment | {"PORT": str(port)}, log=log) as process:
        product = Product(f"http://127.0.0.1:{port}", process)
        try:
            _wait_until_ready(product)
            yield product
        finally:
            product.http.close()


@contextmanager
def running(
    command: list[str], environment: dict[str, str], *, log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on the tests' database."""
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb")) if log else None
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env={**os.environ, **environment, "DATABASE_URL": database_url()},
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_SECONDS)


def eventually(holds: Callable[[], object], *, within: float = 5) -> None:
    """Wait until something holds that another process brings about."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.02)


def database_url() -> str:
    """The environment's URL with the name of the tests' database at its end."""
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{base}/{connection.settings_dict['NAME']}"


def _wait_until_ready(product: Product) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if product.http.get("/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            if product.process.poll() is not None:
                break
        time.sleep(0.05)
    raise RuntimeError("the product did not start")
