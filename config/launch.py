"""What `make run` does: PostgreSQL, Redis, the web, the worker and the beat, started together and ended together.

Everything it keeps is in `.run/` (or in STIPEND_RUN_DIR).
"""

import hashlib
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from config import embedded, folders, processes
from config.announcement import CONSOLE_EMAIL, Secrets, announce, as_env_file, kept_secrets, started, written
from config.processes import Process

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN = 60  # Seconds.
WEB_DRAINS_WITHIN = 15
OTHERS_STOP_WITHIN = 10
BUSINESS = ("--workspaces", "16", "--months", "6")
"""Of the demo: enough that every chart of the console has a shape."""
HASTE = 0.5  # Two signals closer than this are one: `make` hands on what the terminal has sent already.


class LaunchError(Exception):
    """Stipend cannot run; the text says why."""


def main() -> int:
    try:
        port = chosen_port()
        folder = Path(os.environ.get("STIPEND_RUN_DIR", ROOT / ".run")).absolute()
        folders.private_folder(folder)
        with folders.locked(folder / "lock", "Stipend is running already:", note=f"http://localhost:{port}"):
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


def answers_well(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Launch:
    """One run. `children` holds what is running, in the order in which it is to be stopped."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.children: dict[str, Process] = {}
        self.business: Process | None = None
        self.services: Mapping[str, Process] = {}
        self.signalled_at: float | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    def run(self) -> None:
        """Until a signal ends it, which is well. Raises `LaunchError` when something else does."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it.
                signal.signal(number, self.leave)
        kept = kept_secrets(self.folder / "secrets.json")
        with suppress(KeyboardInterrupt), embedded.running(self.folder) as services:
            self.services = services.processes
            environment = {
                "SECRET_KEY": os.environ.get("SECRET_KEY", kept.secret_key),
                "EMAIL_URL": os.environ.get("EMAIL_URL", mail_in(self.mail)),
                "MEDIA_ROOT": os.environ.get("MEDIA_ROOT", str(self.folder / "media")),
                "STAFF_SECOND_FACTOR": os.environ.get("STAFF_SECOND_FACTOR", "false"),
                **services.environment(),
            }
            os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "PORT": str(self.port), **environment}
            with written(self.folder / "services.env", as_env_file(environment)), self.stopping_children():
                self.start_web_on_prepared_data(kept)
                self.wait_until_ready()
                self.start_celery()  # After the web: its imports would take the processors from there.
                self.start_business()
                with written(self.folder / "started.json", started(self.url, kept, self.pids())):
                    mail = self.mail if environment["EMAIL_URL"] == mail_in(self.mail) else None
                    announce(self.url, kept, logs=self.folder / "logs", mail=mail)
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
        for name, queue in (("worker", "celery"), ("crews", "crews")):
            threads = ("--pool", "threads", "--concurrency", "4")
            self.start(name, *celery, "worker", "-Q", queue, "-n", name, *threads, *quiet)
        self.start("beat", *celery, "beat", "--schedule", schedule, "--pidfile", "", *quiet)

    def start_business(self) -> None:
        """Beside the rest, so that nobody waits for it; it ends by itself. All of it is there or nothing, so once it
        was begun too often does no harm: where people are it makes none."""
        made = self.folder / "business"
        if not made.exists():
            command = (sys.executable, "manage.py", "create_demo_data", "--unless-used", *BUSINESS)
            self.business = processes.start(command, log=self.log_of("business"), cwd=ROOT, orphaned=signal.SIGKILL)

    def watch_business(self) -> None:
        """One that fails is told of in its log, and tried again the next time."""
        if self.business and self.business.poll() is not None:
            if self.business.returncode == 0:
                (self.folder / "business").touch()
            self.business = None

    def start(self, name: str, *command: str, orphaned: signal.Signals = signal.SIGKILL) -> None:
        self.children[name] = processes.start(command, log=self.log_of(name), cwd=ROOT, orphaned=orphaned)

    def log_of(self, name: str) -> Path:
        log = self.folder / "logs" / f"{name}.log"
        log.parent.mkdir(mode=0o700, exist_ok=True)
        return log

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not answers_well(self.port, "/health/ready"):
            self.check_all_live()
            if time.monotonic() > deadline:
                log = self.folder / "logs" / "web.log"
                raise LaunchError(
                    f"The web did not become ready within {READY_WITHIN} s ({log}):\n{processes.tail(log)}"
                )
            time.sleep(0.05)

    # Running

    def watch(self) -> None:
        while True:
            self.check_all_live()
            self.watch_business()
            time.sleep(0.25)

    def check_all_live(self) -> None:
        for name, process in {**self.children, **self.services}.items():
            if process.poll() is not None:
                log = self.folder / "logs" / f"{name}.log"
                raise LaunchError(
                    f"{name} ended on its own (exit code {process.returncode}), so everything is stopped. "
                    f"The end of {log}:\n{processes.tail(log)}"
                )

    def pids(self) -> dict[str, int]:
        pids = {name: process.pid for name, process in {**self.children, **self.services}.items()}
        return {"launcher": os.getpid(), **pids}

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
        processes.stop_together(
            {name: child for name, child in self.children.items() if name == "web"}, WEB_DRAINS_WITHIN
        )
        others = {name: child for name, child in self.children.items() if name != "web"}
        if self.business:
            others["business"] = self.business
        processes.stop_together(others, OTHERS_STOP_WITHIN)

    def kill_all(self) -> None:
        """Without a word, and ourselves too."""
        business = [self.business] if self.business else []
        for process in [*business, *self.children.values(), *self.services.values()]:
            processes.kill_group(process)
        for name in ("started.json", "services.env"):
            (self.folder / name).unlink(missing_ok=True)
        os._exit(1)


def mail_in(folder: Path) -> str:
    """The EMAIL_URL that writes every letter to a file there."""
    return f"filemail:///{quote(str(folder))}"


# Preparing the database


def prepare(kept: Secrets) -> None:
    # Django reads its settings as it is imported, and they need the services' addresses.
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    if something_to_migrate():
        call_command("migrate", interactive=False, verbosity=0)
    call_command("load_catalogue", settings.STIPEND_CATALOGUE, unless_loaded=True, verbosity=0)
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


if __name__ == "__main__":
    sys.exit(main())
