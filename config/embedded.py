"""PostgreSQL and Redis for development and tests: started beside the program, reached over unix sockets, gone with it.

What the environment names (`DATABASE_URL`, `REDIS_URL`) is used as it is and nothing is started. Otherwise the programs
come from the wheels in requirements/dev.txt, or else from the system. No port is opened.

    python -m config.embedded FOLDER [--test] -- COMMAND ARGS...
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType

import psycopg

from config import folders, leftovers, processes
from config.folders import EmbeddedError as EmbeddedError  # Whoever starts us catches it.
from config.folders import Place
from config.processes import Process
from config.programs import postgres_programs, redis_program

NAME = "stipend"
# A socket's name holds a port number, and every client takes it from PGPORT where that is set.
POSTGRES_PORT = os.environ.get("PGPORT", "5432")


@dataclass(frozen=True)
class Services:
    database_url: str
    redis_url: str
    processes: Mapping[str, Process] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@contextmanager
def running(folder: Path, *, durable: bool = True) -> Iterator[Services]:
    """Both services, ready, for as long as the block lasts; their data stays in `folder` for the next time.

    As root they run as `nobody`. Where that account cannot pass through to `folder`, the data is kept in
    /var/tmp/stipend-0-<hash of the path>, and `folder/elsewhere` points there; no folder's permissions are changed.

    `durable=False` trades safety in a power cut for speed. Raises `AlreadyRunning` when another process holds `folder`.
    """
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if database_url and redis_url:
        yield Services(database_url, redis_url)
        return

    with ExitStack() as stack:
        place = stack.enter_context(claimed(folder))
        started = {}
        if not database_url:
            started["postgres"] = stack.enter_context(
                processes.ending(start_postgres(place, durable=durable), signal.SIGINT)
            )
        if not redis_url:
            started["redis"] = stack.enter_context(
                processes.ending(start_redis(place, durable=durable), signal.SIGTERM)
            )

        if not database_url:
            processes.wait_until(partial(create_database, place), started["postgres"], place.log_of("postgres"))
        if not redis_url:
            processes.wait_until(partial(ping_redis, place), started["redis"], place.log_of("redis"))
        yield Services(
            database_url or f"postgres://{NAME}@/{place.sockets}/{NAME}",
            redis_url or f"unix://{redis_socket(place)}",
            started,
        )


@contextmanager
def claimed(folder: Path) -> Iterator[Place]:
    folder = folder.absolute()
    folders.private_folder(folder)
    with folders.locked(folder / "services.lock", f"PostgreSQL and Redis are running on {folder} already."):
        account = folders.service_account()
        place = Place(
            account, folders.reachable_data(folder, account), folders.socket_folder(folder, account), folder / "logs"
        )
        place.logs.mkdir(mode=0o700, exist_ok=True)
        leftovers.end_leftovers(place)
        folders.empty(place.sockets)
        try:
            yield place
        finally:
            shutil.rmtree(place.sockets, ignore_errors=True)


# PostgreSQL


def start_postgres(place: Place, *, durable: bool) -> Process:
    programs = postgres_programs(place)
    data = place.data / "postgres"
    if not (data / "PG_VERSION").exists():
        create_cluster(programs, data, place)

    settings = {
        "listen_addresses": "",
        "port": POSTGRES_PORT,
        "unix_socket_directories": str(place.sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        # What failed would be logged with its values, and some of those are secret. Whoever asked logs that it did.
        "log_min_messages": "fatal",
        "log_min_error_statement": "panic",
    }
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), *options]
    return processes.start(
        command, log=place.log_of("postgres"), cwd=place.data, account=place.account, orphaned=signal.SIGINT
    )


def create_cluster(programs: Path, data: Path, place: Place) -> None:
    """Made under another name and then renamed, so that one cut off half-way is never taken for whole."""
    fresh = folders.fresh_folder(data.with_suffix(".new"), place.account)
    options = ["--username", NAME, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
    command = [str(programs / "initdb"), "-D", str(fresh), *options]
    log = place.log_of("postgres")
    process = processes.start(command, log=log, cwd=place.data, account=place.account, orphaned=signal.SIGTERM)
    with processes.ending(process, signal.SIGTERM):
        if process.wait() != 0:
            raise EmbeddedError(f"PostgreSQL's data folder could not be made.\n{processes.tail(log)}")
    fresh.rename(data)


def create_database(place: Place) -> bool:
    """False while PostgreSQL is not answering yet."""
    try:
        with psycopg.connect(
            host=str(place.sockets), user=NAME, port=POSTGRES_PORT, dbname="postgres", autocommit=True
        ) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                connection.execute(f"CREATE DATABASE {NAME}")
    except psycopg.OperationalError:
        return False
    return True


# Redis


def start_redis(place: Place, *, durable: bool) -> Process:
    data = place.data / "redis"
    if not data.exists():
        folders.fresh_folder(data, place.account)
    settings = {
        "port": "0",
        "unixsocket": str(redis_socket(place)),
        "unixsocketperm": "700",
        "dir": str(data),
        "save": "60 1" if durable else "",
    }
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    command = [str(redis_program(place)), *options]
    return processes.start(
        command, log=place.log_of("redis"), cwd=place.data, account=place.account, orphaned=signal.SIGTERM
    )


def redis_socket(place: Place) -> Path:
    return place.sockets / "redis.sock"


def ping_redis(place: Place) -> bool:
    """False while Redis is not answering yet."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(redis_socket(place)))
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False


# The command


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="config.embedded", description="Run a command beside PostgreSQL and Redis.")
    parser.add_argument("folder", type=Path, help="where their data is kept")
    parser.add_argument("--test", action="store_true", help="fast instead of safe in a power cut")
    parser.add_argument("command", nargs="+", help="after --")
    options = parser.parse_args(arguments)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        with running(options.folder, durable=not options.test) as services:
            os.environ.setdefault("MEDIA_ROOT", str(options.folder.absolute() / "media"))
            return run(options.command, services)
    except EmbeddedError as exc:
        print(exc, file=sys.stderr)
        return 1


def leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def run(command: Sequence[str], services: Services) -> int:
    environment = {**os.environ, **services.environment()}
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if not children:
            # To leave from here would be lost: Python drops what is raised while it forks.
            early.append(number)
        # From a terminal, Ctrl-C has reached the child already; a second one would make pytest drop everything.
        elif not (number == signal.SIGINT and sys.stdin.isatty()):
            children[0].send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    try:
        child = subprocess.Popen(command, env=environment, preexec_fn=processes.dying_with_us(signal.SIGTERM))
    except FileNotFoundError as exc:
        raise EmbeddedError(f"There is no command {command[0]}.") from exc
    children.append(child)
    for missed in early:
        child.send_signal(missed)
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
