"""Child processes that die with us."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from config.folders import Account, EmbeddedError

STARTED_WITHIN = 60  # Seconds; long only where PostgreSQL recovers from a crash.
STOPPED_WITHIN = 10
PR_SET_PDEATHSIG = 1

Process = subprocess.Popen[bytes]


def start(
    command: Sequence[str],
    *,
    log: Path,
    orphaned: signal.Signals,
    cwd: Path | None = None,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start it in a session of its own, so that Ctrl-C reaches only us; `orphaned` is what it gets if we are killed."""
    foreign = account is not None and account.uid != os.geteuid()
    with log.open("wb") as output:
        log.chmod(0o600)
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment,
            start_new_session=True,
            umask=0o077,
            user=account.uid if account and foreign else None,
            group=account.gid if account and foreign else None,
            extra_groups=[] if foreign else None,
            preexec_fn=dying_with_us(orphaned),
        )


def dying_with_us(number: signal.Signals) -> Callable[[], None] | None:
    """For a child to call before it becomes its program: the kernel then sends it `number` when we are gone.

    Changing the user forgets the wish, so it comes after that. The kernel watches the thread that started the child:
    start children from the main thread.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def wish() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # Gone before the wish was heard.
            os._exit(1)

    return wish


def wait_until(ready: Callable[[], bool], process: Process, log: Path) -> None:
    name = log.stem
    deadline = time.monotonic() + STARTED_WITHIN
    while not ready():
        if process.poll() is not None:
            raise EmbeddedError(f"{name} ended as it started ({log}):\n{tail(log)}")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{name} did not answer within {STARTED_WITHIN} s ({log}):\n{tail(log)}")
        time.sleep(0.02)


def tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def ending(process: Process, politely: signal.Signals) -> Iterator[Process]:
    try:
        yield process
    finally:
        stop(process, politely, within=STOPPED_WITHIN)


def stop(process: Process, politely: signal.Signals, *, within: float) -> None:
    """Ask, wait, and then insist; returns when it is gone."""
    process.send_signal(politely)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_together(processes: Mapping[str, Process], within: float) -> None:
    for process in processes.values():
        process.terminate()
    deadline = time.monotonic() + within
    for process in processes.values():
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0, deadline - time.monotonic()))
        kill_group(process)
        process.wait()


def kill_group(process: Process) -> None:
    """Each child leads a session of its own, so this takes what it started as well."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
