"""The processes a measurement needs, and what the machine tells about them."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SECONDS_TO_START: Final = 60
SECONDS_TO_STOP: Final = 20


class NotStarted(Exception):
    """A process ended, or did not answer in time."""


@dataclass(frozen=True)
class Cores:
    """The server has a core for itself; everything else shares the rest. Empty: nothing is pinned."""

    server: frozenset[int]
    others: frozenset[int]

    def __str__(self) -> str:
        if not self.server:
            return "nothing pinned (one core, or a system that cannot)"
        names = [",".join(map(str, sorted(cores))) for cores in (self.server, self.others)]
        return f"the server alone on core {names[0]}; load, upstream, PostgreSQL and Redis on core {names[1]}"


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[bytes]
    url: str

    @property
    def cpu_seconds(self) -> float | None:
        """Of all its threads, user and system; None where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory_mb(self) -> float:
        """Resident."""
        status = Path(f"/proc/{self.process.pid}/status")
        if status.exists():
            return int(status.read_text().partition("VmRSS:")[2].split()[0]) / 1024
        ps = ["ps", "-o", "rss=", "-p", str(self.process.pid)]
        return int(subprocess.run(ps, capture_output=True, text=True, check=True).stdout) / 1024


def divide_cores() -> Cores:
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(available) < 2:
        return Cores(frozenset(), frozenset())
    return Cores(frozenset(available[:1]), frozenset(available[1:]))


def pin_this_process(cores: frozenset[int]) -> None:
    """What it starts from now on stays on these cores too."""
    if cores:
        os.sched_setaffinity(0, cores)


def environment(**settings: str) -> dict[str, str]:
    """Nothing of the developer's own settings may reach a measurement."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"PYTHONUNBUFFERED": "1"} | settings


@contextmanager
def started(
    command: list[str], env: Mapping[str, str], log: Path, cores: frozenset[int]
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(env), stdout=output, stderr=output, preexec_fn=partial(pin_this_process, cores)
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running_upstream(folder: Path, cores: Cores, pace: list[str]) -> Iterator[str]:
    """Yields the address of a fake upstream."""
    log = folder / "upstream.log"
    with started([sys.executable, "-m", "bench.upstream", *pace], environment(), log, cores.others) as process:
        deadline = monotonic() + SECONDS_TO_START
        while not (line := log.read_text()).endswith("\n"):
            check_it_lives(process, log, deadline)
            sleep(0.05)
        yield f"http://127.0.0.1:{json.loads(line)['port']}"


@contextmanager
def running_server(folder: Path, cores: Cores, settings: Mapping[str, str]) -> Iterator[Server]:
    log = folder / "server.log"
    port = free_port()
    env = environment(PORT=str(port), **settings)
    with started([sys.executable, "-m", "config.server"], env, log, cores.server) as process:
        server = Server(process, f"http://127.0.0.1:{port}")
        deadline = monotonic() + SECONDS_TO_START
        while not answers(f"{server.url}/health/live"):
            check_it_lives(process, log, deadline)
            sleep(0.2)
        yield server


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - an address of our own
            return bool(answer.status == 200)
    except OSError:
        return False


def check_it_lives(process: subprocess.Popen[bytes], log: Path, deadline: float) -> None:
    """Raises `NotStarted`, with the last words of the log."""
    if process.poll() is not None or monotonic() > deadline:
        raise NotStarted(f"{process.args!r} did not start:\n{log.read_text()[-3000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_settings(database_url: str, redis_url: str, upstream: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "false",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ANTHROPIC_BASE_URL": upstream,
        "ANTHROPIC_API_KEY": "sk-bench",
        # One account asks faster here than any client may.
        "RATE_LIMITS": "off",
    }
