"""`make run` as it is, in a folder of its own, for the tests that take these fixtures."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config import folders

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    process: "subprocess.Popen[str]"
    folder: Path
    environment: dict[str, str]

    def started(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "started.json").read_text())
        return found


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Unlike pytest's own, one that the services can reach when we are root. Prepared once, as between real runs."""
    home = Path(tempfile.mkdtemp(prefix="stipend-test-", dir=folders.LASTING))
    folders.private_folder(home / "run")
    (home / "run" / "business").touch()  # None is made: it would take the processors from what is tested.
    home.chmod((home / "run").stat().st_mode & 0o777)
    yield home / "run"
    shutil.rmtree(Path(tempfile.gettempdir()) / folders.unique_name(home / "run"), ignore_errors=True)
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def environment(folder: Path) -> dict[str, str]:
    ours = {"PORT": str(free_port()), "STIPEND_RUN_DIR": str(folder)}
    theirs = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "SECRET_KEY"}
    }
    return theirs | ours


@pytest.fixture
def run(folder: Path, environment: dict[str, str]) -> Iterator[Run]:
    with launched(folder, environment) as started:
        yield started


@contextmanager
def launched(folder: Path, environment: dict[str, str]) -> Iterator[Run]:
    process = subprocess.Popen(
        [sys.executable, "-m", "config.launch"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for_file(folder / "started.json", process)
        yield Run(process, folder, environment)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def wait_for_file(path: Path, process: "subprocess.Popen[str]", seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
