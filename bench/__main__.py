"""`python -m bench`: measures this server beside the bare upstream and writes bench/results.md."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import environ
import psycopg

from bench import people, processes
from bench.cases import Series, all_series
from bench.report import Facts, Sample, Samples, commit, machine, report, versions
from config import embedded

RESULTS: Final = processes.ROOT / "bench" / "results.md"
KEYS: Final = "keys"


@dataclass(frozen=True)
class Length:
    rounds: int
    seconds: float
    warm_up: float


@dataclass(frozen=True)
class Stage:
    """Everything that runs while rounds are measured."""

    server: processes.Server
    upstream: str
    settings: dict[str, str]


@contextmanager
def folder_for_services() -> Iterator[Path]:
    """On a real disk, because a commit is part of what is measured, and passable, because PostgreSQL is never root."""
    folder = Path(tempfile.mkdtemp(prefix="stipend-bench-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def embedded_services(*, durable: bool) -> Iterator[embedded.Services]:
    """Always our own: a measurement writes people and ledgers, which belong in no database the environment names."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    with folder_for_services() as folder, embedded.running(folder, durable=durable) as services:
        yield services


@contextmanager
def stage(folder: Path, cores: processes.Cores, *, durable: bool) -> Iterator[Stage]:
    with (
        embedded_services(durable=durable) as services,
        processes.running_upstream(folder, cores, pace=[]) as upstream,
    ):
        settings = processes.server_settings(services.database_url, services.redis_url, upstream)
        people.prepare(settings, "tables")
        with processes.running_server(folder, cores, settings) as server:
            yield Stage(server, upstream, settings)


def load_command(series: Series, address: str, folder: Path, length: Length) -> list[str]:
    case, crowd = series.case, series.crowd
    options = {
        "--connections": str(crowd.connections),
        "--seconds": str(length.seconds),
        "--warm-up": str(length.warm_up),
        "--keys": str(folder / KEYS),
        "--body": case.body,
        "--last-line": case.expectation.last_line,
        "--word": case.expectation.word,
        "--times": str(case.expectation.times),
    }
    headers = [f"--header={header}" for header in case.headers]
    return [
        *(sys.executable, "-m", "bench.load", f"{address}{case.path}", *headers),
        *(f"{name}={value}" for name, value in options.items()),
    ]


def measure(stage: Stage, series: Series, askers: list[people.Person], folder: Path, length: Length) -> Sample:
    credentials = [person.access if series.case.brings_token else person.key for person in askers]
    (folder / KEYS).write_text("\n".join(credentials))
    command = load_command(series, stage.upstream if series.is_bare else stage.server.url, folder, length)
    before = stage.server.cpu_seconds
    done = subprocess.run(command, cwd=processes.ROOT, stdout=subprocess.PIPE, check=True)
    after = stage.server.cpu_seconds
    answer: dict[str, Any] = json.loads(done.stdout)
    known = not series.is_bare and before is not None and after is not None and answer["answered"]
    return Sample(
        per_second=answer["per_second"],
        p50_ms=answer["p50_ms"],
        p99_ms=answer["p99_ms"],
        first_byte_p50_ms=answer["first_byte_p50_ms"],
        cpu_ms=1000 * ((after or 0) - (before or 0)) / answer["answered"] if known else None,
        errors=answer["errors"],
        first_fault=answer["first_fault"],
    )


def measure_rounds(stage: Stage, askers: people.Askers, folder: Path, length: Length) -> Samples:
    """Every series once in each round, to and fro, so that a slow minute of the machine hurts all of them."""
    samples: dict[Series, list[Sample]] = {series: [] for series in all_series()}
    for number in range(length.rounds):
        askers = askers.with_new_tokens(stage.server.url)
        order = list(samples) if number % 2 == 0 else list(reversed(samples))
        for series in order:
            sample = measure(stage, series, askers.of(series), folder, length)
            samples[series].append(sample)
            tell(f"round {number + 1}, {series.case.title}, {series.who}, {series.crowd.label}: {sample}")
    return samples


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def postgresql_version(database_url: str) -> str:
    place = environ.Env.db_url_config(database_url)
    with psycopg.connect(
        host=place["HOST"],
        port=place["PORT"] or None,
        user=place["USER"],
        password=place["PASSWORD"],
        dbname=place["NAME"],
    ) as connection:
        return str(connection.info.parameter_status("server_version"))


def conditions(
    stage: Stage, cores: processes.Cores, length: Length, load_average: float, *, durable: bool
) -> tuple[str, ...]:
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit()}",
        f"{machine()}; load average when it began {load_average:.1f}",
        versions(postgresql_version(stage.settings["DATABASE_URL"])),
        f"One server process: {cores}",
        f"PostgreSQL with fsync {'on' if durable else 'OFF'}; the upstream answers at once",
        f"Medians of {length.rounds} interleaved rounds of {length.seconds:g} s, after {length.warm_up:g} s of warm-up",
    )


def run(length: Length, *, durable: bool) -> tuple[str, int]:
    """The report, and how many errors there were."""
    load_average = os.getloadavg()[0]
    cores = processes.divide_cores()
    processes.pin_this_process(cores.others)
    with tempfile.TemporaryDirectory() as name, stage(Path(name), cores, durable=durable) as on_stage:
        folder = Path(name)
        askers = people.gather(on_stage.server.url, on_stage.settings, all_series())
        memory_before = on_stage.server.memory_mb
        samples = measure_rounds(on_stage, askers, folder, length)
        people.prepare(on_stage.settings, "audit")
        described = conditions(on_stage, cores, length, load_average, durable=durable)
        facts = Facts(described, memory_before, on_stage.server.memory_mb)
    return report(samples, facts), sum(sample.errors for measured in samples.values() for sample in measured)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, printed and not written")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement")
    parser.add_argument("--no-fsync", action="store_true", help="PostgreSQL without fsync, to see what the disk costs")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    length = Length(1, 1.0, 0.5) if options.quick else Length(options.rounds, options.seconds, 1.0)
    try:
        text, errors = run(length, durable=not options.no_fsync)
    except (people.Refused, processes.NotStarted, embedded.EmbeddedError) as exc:
        tell(str(exc))
        return 2
    print(text)
    if errors:
        tell(f"{errors} errors: the figures mean nothing and were not written.")
        return 1
    if not options.quick:
        RESULTS.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
