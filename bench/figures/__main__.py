"""`python -m bench.figures`: the console's first page and its list of users, of many workspaces; writes
bench/figures.md."""

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench import people, processes
from bench.__main__ import embedded_services, tell
from bench.report import commit, machine

RESULTS: Final = processes.ROOT / "bench" / "figures.md"
KEY: Final = "sk-stipend-bench-of-figures-alone"
MOST_MS: Final = 300.0


def inside(settings: dict[str, str], *part: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bench.figures.inside", *part],
        cwd=processes.ROOT, env=processes.environment(**settings), stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise people.Refused(f"bench.figures.inside {part[0]}")
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.figures", description=__doc__)
    parser.add_argument("--workspaces", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=31, help="of work")
    parser.add_argument("--times", type=int, default=15, help="how often each is asked")
    parser.add_argument("--plans", type=Path, help="a file for what PostgreSQL says of each query")
    parser.add_argument("--print", action="store_true", help="print the table and write nothing")
    return parser.parse_args()


def totals(found: dict[str, dict[str, list[float]]], which: int = 0) -> dict[str, float]:
    """The dashboard is the sum of its parts; of the others each line is an answer, and the slowest counts. `which` is 0
    for medians, 1 for the fastest of each."""
    ms = {answer: [taken[which] for taken in parts.values()] for answer, parts in found.items()}
    return {answer: sum(taken) if answer == "dashboard" else max(taken) for answer, taken in ms.items()}


def report(measured: dict[str, Any], options: argparse.Namespace, load: float) -> str:
    found, sums, (entries, size) = measured["found"], measured["sums"], measured["filled"]
    best = totals(found, 1)
    lines = [
        "# The console's figures, of many workspaces",
        "",
        f"`python -m bench.figures`, {datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {machine()}.",
        f"{options.workspaces:,} workspaces, {options.days} days of work, {entries:,} entries in the ledger,"
        f" {size / 1e9:.1f} GB; medians of {options.times}, in the database.",
        "",
        *(f"- **{name}**: {ms:.0f} ms, {best[name]:.0f} at best" for name, ms in totals(found).items()),
        "",
        "| answer | part | median ms | fastest |",
        "|---|---|--:|--:|",
        *(
            f"| {answer} | {name} | {ms:.1f} | {fastest:.1f} |"
            for answer, parts in found.items()
            for name, (ms, fastest) in parts.items()
        ),
        "",
        f"Summing up all days took {sums['all']:.1f} s, the two that every minute sums up {sums['each_minute']:.2f} s,"
        f" and what is counted every minute and kept {sums['kept']:.2f} s.",
        f"fsync off; load average when it began {load:.1f}, when it ended {os.getloadavg()[0]:.1f}.",
    ]
    return "\n".join(lines) + "\n"


def run(options: argparse.Namespace) -> tuple[str, dict[str, float]]:
    load = os.getloadavg()[0]
    with embedded_services(durable=False) as services:
        settings = processes.server_settings(services.database_url, services.redis_url, "http://127.0.0.1:9")
        people.prepare(settings, "tables")
        people.prepare(
            settings, "demo", people.DEMO_EMAIL, "correct horse battery", "sk-stipend-bench-of-figures-alone"
        )
        filled = json.loads(inside(settings, "fill", str(options.workspaces), str(options.days)))
        tell(f"filled: {filled[0]:,} entries")
        sums = json.loads(inside(settings, "sum_up", str(options.days)))
        tell("summed up")
        measured = {"filled": filled, "sums": sums, **json.loads(inside(settings, "measure", str(options.times)))}
    if options.plans:
        options.plans.write_text(measured["plans"])
    return report(measured, options, load), totals(measured["found"])


def main() -> int:
    options = parse_options()
    text, found = run(options)
    print(text)
    if not options.print:
        RESULTS.write_text(text)
    slow = [name for name, ms in found.items() if ms >= MOST_MS]
    if slow:
        tell(f"{MOST_MS:.0f} ms and more: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
