"""From samples to the table."""

import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from bench.cases import ALONE, BARE, CHAT_STREAM, HOT_ROW, MANY, MESSAGE_STREAM, Case, Crowd, Series
from bench.processes import ROOT

PACKAGES: Final = ("django", "uvicorn", "uvloop", "psycopg", "aiohttp", "anthropic")
HEADINGS: Final = (
    "answered by", "clients", "requests/s (min-max)", "of the bare", "p50 ms", "p99 ms", "first byte p50 ms",
    "server CPU ms", "errors",
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """What one round told about one series. `cpu_ms` is the server's, for each answer; None where unknown."""

    per_second: float
    p50_ms: float
    p99_ms: float
    first_byte_p50_ms: float
    cpu_ms: float | None
    errors: int
    first_fault: str


@dataclass(frozen=True)
class Facts:
    """What was true of the whole run. Memory in MB."""

    conditions: tuple[str, ...]
    memory_before: float
    memory_after: float


Samples = Mapping[Series, list[Sample]]


def middle(samples: Iterable[Sample], value: Callable[[Sample], float]) -> float:
    return median([value(sample) for sample in samples])


def rate(samples: Iterable[Sample]) -> float:
    return middle(samples, lambda sample: sample.per_second)


def round_off(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def bare_of(samples: Samples, series: Series) -> list[Sample] | None:
    """The same request sent straight upstream, by as many clients; None where there is no such thing."""
    for other, measured in samples.items():
        alike = (other.case.title, other.crowd.connections) == (series.case.title, series.crowd.connections)
        if other.is_bare and alike:
            return measured
    return None


def share_of_bare(samples: Samples, series: Series) -> str:
    bare = bare_of(samples, series)
    if series.is_bare or not bare or not rate(bare):
        return ""
    return f"{100 * rate(samples[series]) / rate(bare):.1f} %"


def cpu(samples: list[Sample]) -> str:
    known = [sample.cpu_ms for sample in samples if sample.cpu_ms is not None]
    return round_off(median(known)) if known else ""


def cells(samples: Samples, series: Series) -> list[str]:
    measured = samples[series]
    rates = [sample.per_second for sample in measured]
    return [
        series.who,
        series.crowd.label,
        f"{round_off(rate(measured))} ({round_off(min(rates))}-{round_off(max(rates))})",
        share_of_bare(samples, series),
        round_off(middle(measured, lambda sample: sample.p50_ms)),
        round_off(middle(measured, lambda sample: sample.p99_ms)),
        round_off(middle(measured, lambda sample: sample.first_byte_p50_ms)),
        cpu(measured),
        str(sum(sample.errors for sample in measured)),
    ]


def row(values: Iterable[str]) -> str:
    return f"| {' | '.join(values)} |"


def table(samples: Samples, title: str) -> list[str]:
    lines = [cells(samples, series) for series in samples if series.case.title == title]
    return [f"## {title}", "", row(HEADINGS), row("---" for _ in HEADINGS), *map(row, lines), ""]


def added_first_byte(samples: Samples, case: Case) -> str:
    """Unloaded: one client, nothing else to do."""

    def first_byte(who: str) -> float:
        measured = next(found for line, found in samples.items() if is_line(line, who, case, ALONE))
        return middle(measured, lambda sample: sample.first_byte_p50_ms)

    return f"- Added time to first byte, one client, {case.path}: {first_byte(case.path) - first_byte(BARE):.2f} ms"


def is_line(series: Series, who: str, case: Case, crowd: Crowd) -> bool:
    return series.who == who and series.case.title == case.title and series.crowd == crowd


def faults(samples: Samples) -> list[str]:
    return [
        f"- FAILED {series.case.title}, {series.who}, {series.crowd.label} clients: {sample.first_fault}"
        for series, measured in samples.items()
        for sample in measured
        if sample.errors
    ]


def report(samples: Samples, facts: Facts) -> str:
    titles = dict.fromkeys(series.case.title for series in samples)
    lines = [
        "# Results",
        "",
        "Written by `python -m bench`; `README.md` says how to read it.",
        "",
        *(f"- {condition}" for condition in facts.conditions),
        f'- {MANY.label} clients have a workspace each; "{HOT_ROW.label}": all on the same rows of the ledger',
        "- Every line about one workspace has one of its own, on the largest plan, so that its day is not used up",
        "",
        *(line for title in titles for line in table(samples, title)),
        "## Beside the tables",
        "",
        *(added_first_byte(samples, case) for case in (MESSAGE_STREAM, CHAT_STREAM)),
        f"- Memory of the server: {facts.memory_before:.0f} MB before the rounds, {facts.memory_after:.0f} MB after",
        "- The audit of the ledger after it all found it whole",
        *faults(samples),
    ]
    return "\n".join(lines) + "\n"


def machine() -> str:
    cpu_info = Path("/proc/cpuinfo")
    models = (
        [line.partition(": ")[2] for line in cpu_info.read_text().splitlines() if line.startswith("model name")]
        if cpu_info.exists()
        else []
    )
    name = f"{len(models)} x {models[0]}" if models else platform.processor()
    return f"{name}; {platform.system()} {platform.release()}"


def versions(postgresql: str) -> str:
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return f"Python {platform.python_version()}, {packages}, PostgreSQL {postgresql}"


def git(*command: str) -> str:
    return subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def commit() -> str:
    """The commit measured, and whether the files were the commit's."""
    changed = git("status", "--porcelain", "--", ".", ":!bench/results.md")
    return (git("rev-parse", "--short", "--verify", "-q", "HEAD") or "none yet") + (
        " with changes not committed" if changed else ""
    )
