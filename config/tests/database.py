"""A migrated database for each process of tests. The first migrates; whoever comes later, in the next run too, copies.

What they copy stays on the server as `stipend_template_…`, named by all that made it, until something of that changes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.loader import MigrationLoader
from django.test.utils import setup_databases, teardown_databases

PREFIX = "stipend_template_"
TURN = 7_423_001  # of an advisory lock: one process migrates, the others wait for what it made


@contextmanager
def migrated() -> Iterator[None]:
    with connection._nodb_cursor() as server:
        server.execute("SELECT pg_advisory_lock(%s)", [TURN])
        template, name = PREFIX + fingerprint(), connection.creation._get_test_db_name()  # type: ignore[attr-defined]
        copied = _exists(server, template)
        if copied:
            server.execute(f'DROP DATABASE IF EXISTS "{name}"')
            _copy(server, template, name)
        made = setup_databases(verbosity=0, interactive=False, keepdb=copied)
        if not copied:
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]
            _drop_former(server)
            _copy(server, name, template)
    yield
    teardown_databases(made, verbosity=0)


def fingerprint() -> str:
    """Of all that makes the schema: every app's migrations, the settings they read, the libraries that run them."""
    migrations = MigrationLoader(None).disk_migrations.values()
    files = {Path(inspect.getfile(type(migration))) for migration in migrations}
    files |= {settings.BASE_DIR / "config" / "settings.py", settings.BASE_DIR / "requirements" / "base.txt"}
    contents = sorted(sha256(file.read_bytes()).hexdigest() for file in files)
    return sha256("".join(contents).encode()).hexdigest()[:16]


def _exists(server: CursorWrapper, name: str) -> bool:
    server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
    return server.fetchone() is not None


def _drop_former(server: CursorWrapper) -> None:
    server.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
    for (name,) in server.fetchall():
        server.execute(f'DROP DATABASE "{name}"')


def _copy(server: CursorWrapper, source: str, name: str) -> None:
    server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
