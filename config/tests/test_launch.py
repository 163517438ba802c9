"""`make run` as it is, in a folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from config import announcement, launch, leftovers
from config.tests.launching import ROOT, Run, free_port
from config.tests.launching import environment as environment
from config.tests.launching import folder as folder
from config.tests.launching import run as run


@pytest.mark.slow
def test_it_answers_and_a_signal_leaves_nothing_behind(run: Run) -> None:
    started = run.started()
    assert (run.folder / "started.json").stat().st_mode & 0o777 == 0o600
    assert set(started["pids"]) == {"launcher", "web", "worker", "crews", "beat", "postgres", "redis"}
    assert stream_an_answer(started["url"], started["api_key"]).count("content_block_delta") > 0

    run.process.send_signal(signal.SIGTERM)
    said, _ = run.process.communicate(timeout=30)

    assert run.process.returncode == 0
    assert "curl -N" in said
    assert started["api_key"] in said
    assert [pid for pid in started["pids"].values() if Path(f"/proc/{pid}").exists()] == []
    assert leftovers.processes_living_in(run.folder) == {}
    assert not (run.folder / "started.json").exists()
    assert not (run.folder / "services.env").exists()


@pytest.mark.slow
def test_a_second_one_beside_the_first_is_refused(run: Run) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "config.launch"],
        cwd=ROOT,
        env=run.environment | {"PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )

    assert second.returncode == 1
    assert f"running already: http://localhost:{run.environment['PORT']}" in second.stderr


@pytest.mark.slow
def test_when_a_part_dies_everything_is_stopped_and_its_log_shown(run: Run) -> None:
    pids = run.started()["pids"]
    os.kill(pids["worker"], signal.SIGKILL)

    said, _ = run.process.communicate(timeout=30)

    assert run.process.returncode == 1
    assert "worker ended on its own" in said
    assert [pid for pid in pids.values() if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.slow
def test_nothing_outlives_a_launcher_that_is_killed(run: Run) -> None:
    pids = run.started()["pids"]

    run.process.kill()
    run.process.communicate(timeout=30)

    wait_for_end([pid for name, pid in pids.items() if name != "launcher"], seconds=20)


def test_a_taken_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(launch.LaunchError, match="cannot be had"):
        launch.refuse_taken(taken.getsockname()[1])


@pytest.mark.parametrize("port", ["", "0", "65536", "http"])
def test_what_is_no_port_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)

    with pytest.raises(launch.LaunchError, match="no port"):
        launch.chosen_port()


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    made = announcement.kept_secrets(tmp_path / "secrets.json")

    assert announcement.kept_secrets(tmp_path / "secrets.json") == made
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert made.api_key.startswith("sk-stipend-")
    assert len(made.api_key) == len("sk-stipend-") + 43


def stream_an_answer(url: str, api_key: str) -> str:
    request = Request(  # noqa: S310
        f"{url}/v1/messages",
        headers={"x-api-key": api_key, "anthropic-version": "2026-10-21", "content-type": "application/json"},
        data=json.dumps(
            {
                "model": "claude-sonnet-5-5",
                "max_tokens": 200,
                "stream": True,
                "messages": [{"role": "user", "content": "Hello"}],
            }
        ).encode(),
    )
    with urlopen(request, timeout=20) as answer:  # noqa: S310
        assert answer.status == HTTPStatus.OK
        return str(answer.read().decode())


def wait_for_end(pids: list[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while alive := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, f"still running: {alive}"
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    """A zombie that its new parent has not buried yet is not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
