"""A Redis of a test's own, to stop and to kill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from config import embedded, processes
from config.folders import Place
from config.processes import STOPPED_WITHIN, Process


@dataclass
class Redis:
    place: Place
    process: Process

    @property
    def url(self) -> str:
        return f"unix://{embedded.redis_socket(self.place)}"

    def hang(self) -> None:
        """It takes connections and never answers."""
        self.process.send_signal(SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(SIGCONT)

    def start_again(self) -> None:
        """After `kill`, with nothing in it."""
        self.process = embedded.start_redis(self.place, durable=False)
        processes.wait_until(partial(embedded.ping_redis, self.place), self.process, self.place.log_of("redis"))

    def kill(self) -> None:
        self.process.send_signal(SIGKILL)
        self.process.wait()


@contextmanager
def running(folder: Path) -> Iterator[Redis]:
    with embedded.claimed(folder) as place:
        redis = Redis(place, embedded.start_redis(place, durable=False))
        try:
            processes.wait_until(partial(embedded.ping_redis, place), redis.process, place.log_of("redis"))
            yield redis
        finally:
            redis.go_on()
            processes.stop(redis.process, SIGTERM, within=STOPPED_WITHIN)
