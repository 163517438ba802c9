"""What a launcher that was killed left running, where the system cannot end it on its own."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from config.folders import EmbeddedError, Place
from config.processes import STOPPED_WITHIN

LEAVE_AT_ONCE = {"postgres": signal.SIGQUIT, "redis-server": signal.SIGTERM}


def end_leftovers(place: Place) -> None:
    """Returns when nothing lives in the data folders any more; raises where something will not go.

    Both programs make their data folder their working folder, which tells them from everybody else's.
    """
    deadline = time.monotonic() + STOPPED_WITHIN
    while leftovers := processes_living_in(place.data):
        if time.monotonic() > deadline:
            raise EmbeddedError(f"Still running on {place.data} and not to be stopped: processes {list(leftovers)}.")
        for pid, name in leftovers.items():
            signal_if_there(pid, LEAVE_AT_ONCE[name])
        time.sleep(0.05)


def processes_living_in(data: Path) -> dict[int, str]:
    """PostgreSQL's and Redis's processes by their ids."""
    homes = {str(data.resolve() / "postgres"), str(data.resolve() / "redis")}
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            name = (entry / "comm").read_text().strip()
            if name in LEAVE_AT_ONCE and str((entry / "cwd").readlink()) in homes:
                found[int(entry.name)] = name
        except OSError:  # Gone, or not ours to look at.
            continue
    return found


def signal_if_there(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
