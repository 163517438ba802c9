"""All that a person has, to take away: asked for, made by a worker, to be downloaded for some days.

A worker holds the export's row while it makes the file, so two never make the same one; and the file's name follows
from the row, so that a second try replaces whatever the first one left.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from tempfile import TemporaryFile
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from accounts import archives, audit, guards, jobs, letters
from accounts.audit import Actor
from accounts.errors import KeyRefused
from accounts.models import Export, User

State = Export.State
SALT = "accounts.exports"


def ask(user: User, *, by: Actor, at: datetime) -> Export:
    """The one that waits to be made, or else a new one in place of any before. Raises `TooManyAttempts`."""
    waiting = Export.objects.filter(user=user, state=State.QUEUED)
    if found := waiting.first():
        return found
    guards.count("export", user.pk, at=at)
    with transaction.atomic():
        # The person's row is the lock: of two at once the second finds what the first began.
        User.objects.select_for_update().get(pk=user.pk)
        return waiting.first() or _begin(user, by=by, at=at)


def _begin(user: User, *, by: Actor, at: datetime) -> Export:
    for former in Export.objects.select_for_update().filter(user=user, state=State.READY):
        _expire(former)
    export = Export.objects.create(user=user, created_at=at, due_at=at)
    audit.record("export.asked", by=by, subject=export, at=at)
    transaction.on_commit(partial(jobs.nudge, "accounts.tasks.make_exports"))
    return export


def latest(user: User) -> Export | None:
    return Export.objects.filter(user=user).first()


# ---- Making one


def make_next(at: datetime) -> bool:
    """Make the one that has waited longest; False when none is due."""
    export_id = _take(at)
    if export_id:
        _make(export_id, at)
    return export_id is not None


@transaction.atomic
def _take(at: datetime) -> UUID | None:
    """The try is counted and the next one set first: a worker that dies with it leaves it to another, not for ever."""
    due = Export.objects.filter(state=State.QUEUED, due_at__lte=at, tries__lt=settings.EXPORT_TRIES)
    export = due.order_by("due_at").select_for_update(skip_locked=True).first()
    if export is None:
        return None
    export.due_at = at + settings.EXPORT_RETRY
    export.tries += 1
    export.save(update_fields=["due_at", "tries"])
    return export.pk


@transaction.atomic
def _make(export_id: UUID, at: datetime) -> None:
    """Nothing where another worker has it in hand, or has made it meanwhile."""
    waiting = Export.objects.filter(pk=export_id, state=State.QUEUED).select_related("user")
    export = waiting.select_for_update(skip_locked=True, of=("self",)).first()
    if export is None:
        return
    export.size = _store(export, at)
    export.state, export.ready_at, export.expires_at = State.READY, at, at + settings.EXPORTS_KEPT
    export.save(update_fields=["size", "state", "ready_at", "expires_at"])
    if export.user.email_verified_at:
        letters.post("export_ready", to=export.user.email, user=export.user)


def _store(export: Export, at: datetime) -> int:
    """Its size."""
    with TemporaryFile() as file:
        archives.write(export.user, file, at=at)
        size = file.tell()
        default_storage.delete(export.file)
        default_storage.save(export.file, File(file))
    return size


# ---- Handing it out


def is_there(export: Export, *, at: datetime) -> bool:
    return export.state == State.READY and export.expires_at is not None and export.expires_at > at


def key_for(export: Export) -> str:
    """Good for minutes, and for nothing else."""
    return signing.dumps(str(export.pk), salt=SALT)


def opened(export_id: UUID, key: str, *, by: Actor, at: datetime) -> tuple[Export, File[Any]]:
    """Its file, to be read and closed. Raises `KeyRefused`, also where the export is there no more."""
    if _named_by(key) != str(export_id):
        raise KeyRefused
    export = Export.objects.filter(pk=export_id).first()
    if export is None or not is_there(export, at=at):
        raise KeyRefused
    try:
        file = default_storage.open(export.file)
    except FileNotFoundError as exc:  # It expired this very moment.
        raise KeyRefused from exc
    audit.record("export.downloaded", by=by, subject=export, at=at)
    return export, file


def _named_by(key: str) -> Any:
    try:
        return signing.loads(key, salt=SALT, max_age=settings.EXPORT_LINK_LIFE)
    except (signing.BadSignature, ValueError) as exc:
        raise KeyRefused from exc


# ---- Letting go


def sweep(at: datetime) -> int:
    """Expire the old ones and give up those that failed too often; how many that were."""
    tried = Export.objects.filter(state=State.QUEUED, due_at__lte=at, tries__gte=settings.EXPORT_TRIES)
    return tried.update(state=State.FAILED) + sum(_expire_one(pk, at) for pk in _old(at).values_list("pk", flat=True))


def _old(at: datetime) -> Any:
    return Export.objects.filter(state=State.READY, expires_at__lte=at)


@transaction.atomic
def _expire_one(pk: UUID, at: datetime) -> int:
    export = _old(at).select_for_update(skip_locked=True).filter(pk=pk).first()
    if export:
        _expire(export)
    return int(export is not None)


def _expire(export: Export) -> None:
    export.state = State.EXPIRED
    export.save(update_fields=["state"])
    forget_file(export)


def forget_file(export: Export) -> None:
    """After the commit, and only if there is one."""
    transaction.on_commit(partial(default_storage.delete, export.file))
