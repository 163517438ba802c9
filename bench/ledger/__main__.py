"""`python -m bench.ledger`: the same questions of a small ledger and of a large one; writes bench/ledger.md."""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

import environ
import psycopg

from bench import people, processes
from bench.__main__ import embedded_services, tell
from bench.ledger import filling
from bench.report import commit, machine

RESULTS: Final = processes.ROOT / "bench" / "ledger.md"
USAGE: Final = "/api/v1/quotas/usage"
PAGE: Final = 50
MOST: Final = 2.0
WARM_UP: Final = 5
SETTLED: Final = 400
NOTHING_PINNED: Final = processes.Cores(frozenset(), frozenset())
MESSAGE: Final = json.dumps(
    {"model": "claude-haiku-5-5", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}
)

# The indexes of `quotas` 0008 and those it took the place of.
WITH_HISTORY: Final = ("work_of_a_model", "work_of_a_key", "work_of_a_member", "work_with_tokens", "work_with_requests",
    "work_with_messages", "work_with_operations", "work_with_cost")  # fmt: skip
FORMER: Final = (
    "CREATE INDEX former_workspace ON quotas_reservation (workspace_id)",
    "CREATE INDEX former_key ON quotas_reservation (key_id)",
    "CREATE INDEX former_member ON quotas_reservation (member_id)",
    "CREATE INDEX former_hold ON quotas_hold (reservation_id)",
    "CREATE INDEX former_rollup ON quotas_rollup (workspace_id)",
)


@dataclass(frozen=True)
class Large:
    """The workspace that is asked about."""

    workspace: str
    key: str
    rare_key: str
    rare_member: str
    often_key: str
    often_member: str


@dataclass(frozen=True)
class Ledger:
    """A database of its own, and a server on it."""

    settings: dict[str, str]
    url: str
    large: Large


class Asker:
    """One connection, kept."""

    def __init__(self, url: str, key: str) -> None:
        place = urlsplit(url)
        self.line = http.client.HTTPConnection(str(place.hostname), place.port, timeout=600)
        self.headers = {"x-api-key": key, "Content-Type": "application/json"}

    def ask(self, path: str, body: str | None = None) -> bytes:
        self.line.request("POST" if body else "GET", path, body, self.headers)
        answer = self.line.getresponse()
        content = answer.read()
        assert answer.status == 200, (path, answer.status, content[:500])
        return content

    def milliseconds(self, path: str, body: str | None) -> float:
        begun = perf_counter()
        self.ask(path, body)
        return (perf_counter() - begun) * 1000

    def page(self, number: int) -> str:
        """The address of this page of the history, reached by following the links."""
        path = f"{USAGE}/history"
        for _ in range(number - 1):
            following = json.loads(self.ask(path))["next"]
            if following is None:
                break
            place = urlsplit(following)
            path = f"{place.path}?{place.query}"
        return path


def questions(asker: Asker, large: Large) -> dict[str, tuple[str, str | None]]:
    history = f"{USAGE}/history"
    day = (datetime.now(UTC) - timedelta(days=100)).date()
    return {
        "usage": (USAGE, None),
        "usage/current": (f"{USAGE}/current", None),
        "daily, 30 days": (f"{USAGE}/daily", None),
        "daily, 30 days, one model": (f"{USAGE}/daily?model=model-1", None),
        "monthly": (f"{USAGE}/monthly", None),
        "stats, 30 days": (f"{USAGE}/stats", None),
        "history, first page": (history, None),
        f"history, page {PAGE}": (asker.page(PAGE), None),
        "history, a meter that always tells": (f"{history}?meter=tokens", None),
        "history, a meter seldom spent": (f"{history}?meter=messages", None),
        "history, a meter hardly ever spent": (f"{history}?meter=operations", None),
        "history, a frequent model": (f"{history}?model=model-1", None),
        "history, a rare model": (f"{history}?model=model-0", None),
        "history, a frequent key": (f"{history}?key={large.often_key}", None),
        "history, a rare key": (f"{history}?key={large.rare_key}", None),
        "history, a frequent member": (f"{history}?member={large.often_member}", None),
        "history, a rare member": (f"{history}?member={large.rare_member}", None),
        "history, a day": (f"{history}?day={day}", None),
        "history, a rare key and a frequent model": (f"{history}?key={large.rare_key}&model=model-1", None),
        "a message: reserve and settle over HTTP": ("/v1/messages", MESSAGE),
    }


def connected(database_url: str) -> psycopg.Connection:
    place = environ.Env.db_url_config(database_url)
    return psycopg.connect(
        host=place["HOST"], port=place["PORT"] or None, user=place["USER"], dbname=place["NAME"], autocommit=True
    )


def inside(settings: dict[str, str], *part: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bench.ledger.inside", *part],
        cwd=processes.ROOT, env=processes.environment(**settings), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise people.Refused(f"bench.ledger.inside {part[0]}:\n{done.stderr[-3000:]}")
    return done.stdout


def make_people(settings: dict[str, str], connection: psycopg.Connection) -> Large:
    key = "sk-stipend-bench-of-the-ledger-and-of-nothing-else"
    people.prepare(settings, "demo", people.DEMO_EMAIL, "correct horse battery", key)
    people.prepare(settings, "plan", people.PLAN, people.DEMO_EMAIL)
    row = connection.execute("SELECT id FROM accounts_workspace").fetchone()
    assert row
    filling.make_people(connection)
    # The rare ones have number 0, which the demo's key and person are not to be.
    numbers = {
        table: [str(found[0]) for found in connection.execute(f"SELECT id FROM {table} ORDER BY number")]
        for table in ("bench_keys", "bench_members")
    }
    keys, members = numbers["bench_keys"], numbers["bench_members"]
    return Large(str(row[0]), key, keys[0], members[0], keys[2], members[2])


def measure(ledgers: list[Ledger], times: int) -> dict[str, list[float]]:
    """Medians by what is asked, one for each ledger. They are asked by turns, so that a slow minute hurts all alike."""
    askers = [Asker(ledger.url, ledger.large.key) for ledger in ledgers]
    asked = [questions(asker, ledger.large) for asker, ledger in zip(askers, ledgers, strict=True)]
    found = {}
    for name in asked[0]:
        rounds = [
            [asker.milliseconds(*which[name]) for asker, which in zip(askers, asked, strict=True)]
            for _ in range(WARM_UP + times)
        ]
        found[name] = [median(taken) for taken in zip(*rounds[WARM_UP:], strict=True)]
        tell(f"{found[name]}  {name}")
    return found


def measure_settling(of_databases: list[dict[str, str]], key: str, rounds: int, times: int) -> list[float]:
    """Milliseconds of a reservation with its settlement in each database, by turns too."""
    taken = [[float(inside(settings, "settle", key, str(times))) for settings in of_databases] for _ in range(rounds)]
    return [median(of_one) for of_one in zip(*taken, strict=True)]


def without_the_history_s(connection: psycopg.Connection) -> None:
    for name in WITH_HISTORY:
        connection.execute(f"DROP INDEX {name}")
    for statement in FORMER:
        connection.execute(statement)
    connection.execute("VACUUM ANALYZE quotas_reservation")


def cost_of_indexes(ledger: Ledger, url: str, rounds: int) -> tuple[float, float]:
    """Milliseconds with the indexes of the history and with the former ones, in copies of the ledger, by turns."""
    copies = []
    for name in ("with_history", "with_former"):
        with connected(url) as connection:
            database = ledger.settings["DATABASE_URL"].rpartition("/")[2]
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database]
            )  # A template must not be in use.
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {database} STRATEGY file_copy")
        copies.append(ledger.settings | {"DATABASE_URL": f"{url.rpartition('/')[0]}/{name}"})
    with connected(copies[1]["DATABASE_URL"]) as connection:
        without_the_history_s(connection)
    with_them, without = measure_settling(copies, ledger.large.key, rounds, SETTLED)
    return with_them, without


def size_of(ledger: Ledger) -> str:
    with connected(ledger.settings["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone()
    return str(row[0]) if row else "?"


@contextmanager
def ledger_of(entries: int, stack: ExitStack, url: str, redis_url: str, upstream: str) -> Iterator[Ledger]:
    """Filled, and with a server."""
    name = f"ledger_{entries}"
    with connected(url) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    settings = processes.server_settings(f"{url.rpartition('/')[0]}/{name}", redis_url, upstream)
    people.prepare(settings, "tables")
    with connected(settings["DATABASE_URL"]) as connection:
        large = make_people(settings, connection)
        begun = perf_counter()
        filling.fill(connection, entries, large.workspace, people.PLAN)
        tell(f"{entries:,} entries in {perf_counter() - begun:.0f} s")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    with processes.running_server(folder, NOTHING_PINNED, settings) as server:
        yield Ledger(settings, server.url, large)


def report(found: dict[str, list[float]], sizes: list[int], notes: list[str]) -> str:
    small, large = sizes
    lines = [
        "# The ledger, small and large",
        "",
        f"`python -m bench.ledger`, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {machine()}. Medians in ms.",
        "",
        f"| asked | {small:,} entries | {large:,} entries | ratio |",
        "|---|--:|--:|--:|",
        *(f"| {name} | {few:.2f} | {many:.2f} | {many / few:.2f} |" for name, (few, many) in found.items()),
        "",
        *notes,
    ]
    return "\n".join(lines) + "\n"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--entries", type=int, nargs=2, default=[10_000, 10_000_000], help="a few, and many")
    parser.add_argument("--times", type=int, default=60, help="how often each is asked")
    parser.add_argument("--rounds", type=int, default=5, help="of settling")
    parser.add_argument("--plans", type=Path, help="a file for what PostgreSQL says of each query")
    parser.add_argument("--print", action="store_true", help="print the table and write nothing")
    return parser.parse_args()


def run(options: argparse.Namespace) -> tuple[str, list[str]]:
    """The report, and what does not take the same time."""
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        services = stack.enter_context(embedded_services(durable=False))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = stack.enter_context(processes.running_upstream(folder, NOTHING_PINNED, pace=[]))
        url, redis_url = services.database_url, services.redis_url
        ledgers = [
            stack.enter_context(ledger_of(entries, stack, url, redis_url, upstream)) for entries in options.entries
        ]
        found = measure(ledgers, options.times)
        many, key = ledgers[-1], ledgers[-1].large.key
        if options.plans:
            rare = {"key": many.large.rare_key, "member": many.large.rare_member, "often": many.large.often_key}
            options.plans.write_text(inside(many.settings, "plans", key, json.dumps(rare)))
        few, of_many = measure_settling([ledger.settings for ledger in ledgers], key, options.rounds, SETTLED)
        found["reserve and settle, without HTTP"] = [few, of_many]
        with_them, without = cost_of_indexes(many, url, options.rounds)
        notes = [
            f"fsync off; load average when it began {load:.1f}; the large database has {size_of(many)}.",
            f"Reserve and settle take {with_them:.2f} ms with the history's indexes, {without:.2f} ms with the former.",
        ]
    return report(found, options.entries, notes), [
        name for name, (few, of_many) in found.items() if of_many >= MOST * few
    ]


def main() -> int:
    options = parse_options()
    text, slow = run(options)
    print(text)
    if not options.print:
        RESULTS.write_text(text)
    if slow:
        tell(f"Not in the same time: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
