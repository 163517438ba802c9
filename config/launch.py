"""What `make run` does: PostgreSQL, Redis, the web, the worker and the beat, started together and ended together.

Everything it keeps is in `.run/` (or in STIPEND_RUN_DIR).
"""

import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from config import embedded

ROOT = Path(__file__).resolve().parent.parent
CONSOLE_EMAIL = "admin@example.com"
READY_WITHIN = 60  # Seconds.
WEB_DRAINS_WITHIN = 15
OTHERS_STOP_WITHIN = 10
HASTE = 0.5  # Two signals closer than this are one: `make` hands on what the terminal has sent already.

Process = subprocess.Popen[bytes]


class LaunchError(Exception):
    """Stipend cannot run; the text says why."""


@dataclass(frozen=True)
class Secrets:
    secret_key: str
    console_password: str
    api_key: str


def main() -> int:
    try:
        port = chosen_port()
        folder = Path(os.environ.get("STIPEND_RUN_DIR", ROOT / ".run")).absolute()
        embedded.private_folder(folder)
        with embedded.locked(folder / "lock", "Stipend is running already:", note=f"http://localhost:{port}"):
            refuse_taken(port)
            Launch(folder, port).run()
    except (LaunchError, embedded.EmbeddedError) as exc:
        print(f"\n{exc}", file=sys.stderr)
        return 1
    return 0


def chosen_port() -> int:
    text = os.environ.get("PORT", "8000")
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise LaunchError(f"PORT is {text!r}, which is no port.")
    return int(text)


def refuse_taken(port: int) -> None:
    try:
        socket.create_server((os.environ.get("HOST", "127.0.0.1"), port)).close()
    except OSError as exc:
        raise LaunchError(
            f"Port {port} cannot be had ({os.strerror(exc.errno or 0)}). Choose another: PORT=8001 make run"
        ) from exc


class Launch:
    """One run. `children` holds what is running, in the order in which it is to be stopped."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.children: dict[str, Process] = {}
        self.services: Mapping[str, Process] = {}
        self.signalled_at: float | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def run(self) -> None:
        """Until a signal ends it, which is well. Raises `LaunchError` when something else does."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it.
                signal.signal(number, self.leave)
        kept = kept_secrets(self.folder / "secrets.json")
        with suppress(KeyboardInterrupt), embedded.running(self.folder) as services:
            self.services = services.processes
            environment = {"SECRET_KEY": os.environ.get("SECRET_KEY", kept.secret_key), **services.environment()}
            os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "PORT": str(self.port), **environment}
            with written(self.folder / "services.env", as_env_file(environment)), self.stopping_children():
                self.start_web_on_prepared_data(kept)
                self.wait_until_ready()
                self.start_celery()  # Last: its imports would take the processors from the web's.
                with written(self.folder / "started.json", json.dumps(self.account(kept), indent=2)):
                    self.announce(kept)
                    self.watch()

    # Starting

    def start_web_on_prepared_data(self, kept: Secrets) -> None:
        """Where a former run has prepared all there is, the web need not wait for us to see that."""
        prepared, now = self.folder / "prepared", fingerprint()
        if prepared.exists() and prepared.read_text() == now:
            self.start_web()
            prepare(kept)
        else:
            prepare(kept)
            prepared.write_text(now)
            self.start_web()

    def start_web(self) -> None:
        self.start("web", sys.executable, "-m", "config.server", orphaned=signal.SIGTERM)

    def start_celery(self) -> None:
        celery = (sys.executable, "-m", "celery", "-A", "config")
        schedule = str(self.folder / "beat-schedule")
        quiet = ("--loglevel", "WARNING")
        self.start("worker", *celery, "worker", "--pool", "threads", "--concurrency", "4", *quiet)
        self.start("beat", *celery, "beat", "--schedule", schedule, "--pidfile", "", *quiet)

    def start(self, name: str, *command: str, orphaned: signal.Signals = signal.SIGKILL) -> None:
        log = self.folder / "logs" / f"{name}.log"
        log.parent.mkdir(mode=0o700, exist_ok=True)
        self.children[name] = embedded.start(command, log=log, cwd=ROOT, orphaned=orphaned)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not answers_well(self.port, "/health/ready"):
            self.check_all_live()
            if time.monotonic() > deadline:
                log = self.folder / "logs" / "web.log"
                raise LaunchError(
                    f"The web did not become ready within {READY_WITHIN} s ({log}):\n{embedded.tail(log)}"
                )
            time.sleep(0.05)

    # Running

    def watch(self) -> None:
        while True:
            self.check_all_live()
            time.sleep(0.25)

    def check_all_live(self) -> None:
        for name, process in {**self.children, **self.services}.items():
            if process.poll() is not None:
                log = self.folder / "logs" / f"{name}.log"
                raise LaunchError(
                    f"{name} ended on its own (exit code {process.returncode}), so everything is stopped. "
                    f"The end of {log}:\n{embedded.tail(log)}"
                )

    # Stopping

    def leave(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.signalled_at is None:
            self.signalled_at = now
            print("\nStopping …", flush=True)
            raise KeyboardInterrupt
        if number == signal.SIGINT and now - self.signalled_at > HASTE:
            self.kill_all()

    @contextmanager
    def stopping_children(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.stop_children()

    def stop_children(self) -> None:
        """The web first, which lets open streams end and settle; what it needs for that goes later."""
        self.signalled_at = self.signalled_at or time.monotonic()
        stop_together({name: child for name, child in self.children.items() if name == "web"}, WEB_DRAINS_WITHIN)
        stop_together({name: child for name, child in self.children.items() if name != "web"}, OTHERS_STOP_WITHIN)

    def kill_all(self) -> None:
        """Without a word, and ourselves too."""
        for process in {**self.children, **self.services}.values():
            kill_group(process)
        for name in ("started.json", "services.env"):
            (self.folder / name).unlink(missing_ok=True)
        os._exit(1)

    # Telling

    def account(self, kept: Secrets) -> dict[str, object]:
        pids = {name: process.pid for name, process in {**self.children, **self.services}.items()}
        return {
            "url": self.url,
            "api_key": kept.api_key,
            "console": {"email": CONSOLE_EMAIL, "password": kept.console_password},
            "pids": {"launcher": os.getpid(), **pids},
        }

    def announce(self, kept: Secrets) -> None:
        provider = (
            "Anthropic" if os.environ.get("ANTHROPIC_API_KEY") else "demo (made-up answers: no ANTHROPIC_API_KEY)"
        )
        print(
            f"""
Stipend is running. Ctrl-C stops it.

  Address    {self.url}
  API        {self.url}/api/docs
  Console    {self.url}/admin/   {CONSOLE_EMAIL} / {kept.console_password}
  API key    {kept.api_key}
  Answers    {provider}
  Logs       {shortest(self.folder / "logs")}/

Try it:

  curl -N {self.url}/v1/messages -H "x-api-key: {kept.api_key}" \\
    -H "anthropic-version: 2026-10-21" -H "content-type: application/json" \\
    -d '{{"model":"claude-sonnet-5-5","max_tokens":200,"stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'
""",
            flush=True,
        )


# Preparing the database


def prepare(kept: Secrets) -> None:
    # Django reads its settings as it is imported, and they need the services' addresses.
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    if something_to_migrate():
        call_command("migrate", interactive=False, verbosity=0)
    call_command("load_catalogue", settings.STIPEND_CATALOGUE, verbosity=0)
    call_command("load_models", verbosity=0)
    call_command(
        "create_demo_data",
        email=CONSOLE_EMAIL,
        password=kept.console_password,
        api_key=kept.api_key,
        verbosity=0,
    )
    from django.db import connections

    connections.close_all()


def something_to_migrate() -> bool:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def fingerprint() -> str:
    """Changes whenever there may be something to migrate."""
    names = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/*migrations/*.py"))
    lock = (ROOT / "requirements" / "base.txt").read_text()
    return hashlib.sha256("\n".join([*names, lock, os.environ["DATABASE_URL"]]).encode()).hexdigest()


# What is kept


def kept_secrets(path: Path) -> Secrets:
    if path.exists():
        return Secrets(**json.loads(path.read_text()))
    made = Secrets(
        secret_key=secrets.token_urlsafe(48),
        console_password=secrets.token_urlsafe(12),
        api_key=f"sk-stipend-{secrets.token_urlsafe(32)}",
    )
    write_private(path, json.dumps(asdict(made), indent=2))
    return made


@contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    """The file exists as long as the block lasts."""
    write_private(path, text)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, and for our eyes only."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    fresh.replace(path)


def as_env_file(environment: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in environment.items())


# Processes and sockets


def answers_well(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


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


def shortest(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main())
