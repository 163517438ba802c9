"""`python -m bench.timing`: does the time of an answer tell whether somebody has an account? Medians, side by side."""

import argparse
import http.client
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from bench import people, processes
from bench.__main__ import embedded_services, tell
from config import embedded

ALLOWED_MS: Final = 5.0
PEOPLE: Final = 25
PASSWORD, GUESS = "a right one, and long enough", "a wrong one, and long enough"

Body = Callable[[str], dict[str, str]]


@dataclass(frozen=True)
class Question:
    """What is asked of both, and the one status that both must get."""

    name: str
    path: str
    body: Body
    status: int


LOG_IN: Final = Question("log-in", "login", lambda email: {"email": email, "password": GUESS}, 401)
SIGN_UP: Final = Question("sign-up", "register", lambda email: {"email": email, "password": PASSWORD}, 201)
RESET: Final = Question("password reset", "password-reset", lambda email: {"email": email}, 202)
QUESTIONS: Final = (LOG_IN, SIGN_UP, RESET)


@dataclass(frozen=True)
class Comparison:
    question: Question
    known_ms: list[float]
    unknown_ms: list[float]

    @property
    def difference_ms(self) -> float:
        return median(self.known_ms) - median(self.unknown_ms)

    def __str__(self) -> str:
        return (
            f"| {self.question.name} | {median(self.known_ms):.2f} | {median(self.unknown_ms):.2f} "
            f"| {self.difference_ms:+.2f} |"
        )


@dataclass
class Client:
    """One connection that is kept, so that what is timed is the answer alone."""

    connection: http.client.HTTPConnection

    @classmethod
    def of(cls, url: str) -> "Client":
        return cls(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30))

    def milliseconds(self, question: Question, email: str) -> float:
        body = json.dumps(question.body(email))
        begun = perf_counter()
        self.connection.request("POST", f"/api/v1/auth/{question.path}", body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        said = answer.read()
        taken = 1000 * (perf_counter() - begun)
        if answer.status != question.status:
            raise people.Refused(f"{question.name}: {answer.status} {said[:500]!r}")
        return taken


def strangers() -> Iterator[str]:
    """Addresses nobody has, as long as those somebody has."""
    number = 0
    while True:
        number += 1
        yield f"nobody-{number:05}@example.com"


def compare(question: Question, client: Client, known: list[str], unknown: Iterator[str], times: int) -> Comparison:
    """Alternately, and each first in every second pair, so that neither always warms up for the other."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(times):
        emails = {True: known[number % len(known)], False: next(unknown)}
        for is_known in (True, False) if number % 2 else (False, True):
            taken[is_known].append(client.milliseconds(question, emails[is_known]))
    return Comparison(question, taken[True], taken[False])


def run(times: int) -> Iterator[Comparison]:
    cores = processes.divide_cores()
    processes.pin_this_process(cores.others)
    with tempfile.TemporaryDirectory() as name, embedded_services(durable=True) as services:
        settings = processes.server_settings(services.database_url, services.redis_url, "http://127.0.0.1:9")
        settings |= {"DJANGO_SETTINGS_MODULE": "bench.lenient"}
        people.prepare(settings, "tables")
        with processes.running_server(Path(name), cores, settings) as server:
            known = [f"person-{number:05}@example.com" for number in range(PEOPLE)]
            for email in known:
                Client.of(server.url).milliseconds(SIGN_UP, email)
            people.prepare(settings, "owners", *known)
            client, unknown = Client.of(server.url), strangers()
            for question in QUESTIONS:
                compare(question, client, known, unknown, 20)  # to warm up
            for question in QUESTIONS:
                yield compare(question, client, known, unknown, times)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.timing", description=__doc__)
    parser.add_argument("--times", type=int, default=500, help="of each question, to each kind of address")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"Medians of {options.times}, in ms; load average when it began {load:.1f}\n")
    print("| asked | address with an account | without | difference |\n|---|--:|--:|--:|", flush=True)
    tells = False
    try:
        for comparison in run(options.times):
            print(comparison, flush=True)
            tells = tells or abs(comparison.difference_ms) >= ALLOWED_MS
    except (people.Refused, processes.NotStarted, embedded.EmbeddedError) as exc:
        tell(str(exc))
        return 2
    return 1 if tells else 0


if __name__ == "__main__":
    sys.exit(main())
