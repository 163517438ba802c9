"""The people who ask: signed up over the API like anybody, each with a workspace and an API key of their own."""

import json
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bench.cases import MANY, Series
from bench.processes import ROOT, environment

PLAN: Final = "enterprise"
DEMO_EMAIL: Final = "bench@example.com"


class Refused(Exception):
    """The server refused what a person must be able to do before anything can be measured."""


@dataclass(frozen=True)
class Person:
    email: str
    refresh: str
    access: str
    key: str


@dataclass(frozen=True)
class Askers:
    """Fifty who ask side by side, and one for each line of the table that is about a single workspace."""

    many: list[Person]
    alone: dict[Series, Person]

    def of(self, series: Series) -> list[Person]:
        """The upstream, asked without us, takes any key."""
        return [self.alone[series]] if series in self.alone else self.many

    def with_new_tokens(self, server: str) -> "Askers":
        return Askers(
            [with_new_token(server, person) for person in self.many],
            {series: with_new_token(server, person) for series, person in self.alone.items()},
        )


def prepare(settings: Mapping[str, str], *command: str) -> None:
    """Runs a part of `bench.prepare` in a process of its own. Raises `Refused`."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.prepare", *command],
        cwd=ROOT, env=environment(**settings), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"bench.prepare {command[0]}:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")


def post(server: str, path: str, data: Mapping[str, str], *, access: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {access}"} if access else {})
    request = urllib.request.Request(f"{server}/api/v1/auth/{path}", json.dumps(data).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - an address of our own
            result: dict[str, Any] = json.load(answer)
            return result
    except urllib.error.HTTPError as exc:
        raise Refused(f"POST {path}: {exc.code} {exc.read()[:500]!r}") from exc


def demo_person(server: str, settings: Mapping[str, str]) -> Person:
    """Made by the product's own command, as an operator would."""
    password, key = secrets.token_urlsafe(16), f"sk-stipend-{secrets.token_urlsafe(32)}"
    prepare(settings, "demo", DEMO_EMAIL, password, key)
    signed_in = post(server, "login", {"email": DEMO_EMAIL, "password": password})
    return Person(DEMO_EMAIL, signed_in["refresh"], signed_in["access"], key)


def new_person(server: str, number: int) -> Person:
    email = f"bench-{number}@example.com"
    sign_up = {"email": email, "password": secrets.token_urlsafe(16), "name": f"Bench {number}"}
    signed_in = post(server, "register", sign_up)
    key = post(server, "api-keys", {"name": "bench"}, access=signed_in["access"])["key"]
    return Person(email, signed_in["refresh"], signed_in["access"], key)


def gather(server: str, settings: Mapping[str, str], series: list[Series]) -> Askers:
    """All of them on the largest plan, whose day is long enough because no workspace has to bear more than one line."""
    demo = demo_person(server, settings)
    many = [demo, *(new_person(server, number) for number in range(1, MANY.workspaces))]
    single = [line for line in series if line.crowd.workspaces == 1 and not line.is_bare]
    alone = {line: new_person(server, MANY.workspaces + number) for number, line in enumerate(single)}
    prepare(settings, "plan", PLAN, *(person.email for person in (*many, *alone.values())))
    return Askers(many, alone)


def with_new_token(server: str, person: Person) -> Person:
    """An access token lives for minutes, a measurement longer."""
    signed_in = post(server, "refresh", {"refresh": person.refresh})
    return replace(person, refresh=signed_in["refresh"], access=signed_in["access"])
