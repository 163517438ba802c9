"""The outbox. A letter is a row in the transaction of what it tells; it goes after the commit, by a worker.

Two workers never take the same letter at once, and one that failed or was killed with a letter in hand leaves it to
the next try: every letter goes at least once, and twice only where a worker dies between sending it and saying so.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from smtplib import SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts import audit, jobs, letter_texts
from accounts.audit import Actor
from accounts.models import Letter, User

logger = logging.getLogger(__name__)

LAST = "account_erased"
"""Its row is the last to hold the address, and goes with it."""


def post(kind: str, *, to: str, user: User | None = None, context: dict[str, Any] | None = None) -> Letter:
    """Goes after the commit, and only if there is one. `kind` names its templates in `templates/letters/`.

    No key belongs into `context`, which is kept.
    """
    letter = Letter.objects.create(kind=kind, to=to, user=user, context=context or {}, due_at=now())
    transaction.on_commit(partial(jobs.nudge, "accounts.tasks.send_letters"))
    return letter


def send_next(at: datetime) -> bool:
    """Try the letter that has waited longest; False when none is due."""
    letter = _take(at)
    if letter:
        _send(letter, at)
    return letter is not None


@transaction.atomic
def try_again(chosen: QuerySet[Letter], *, by: Actor, at: datetime) -> int:
    """Those that failed, given up or not, from their first try on; how many."""
    failed = list(chosen.order_by().filter(sent_at=None).select_for_update(of=("self",)))
    for letter in failed:
        before, after = {"tries": letter.tries}, {"tries": 0, "kind": letter.kind}
        audit.record("letter.tried_again", by=by, subject=letter, at=at, before=before, after=after)
    return Letter.objects.filter(pk__in=[letter.pk for letter in failed]).update(due_at=at, tries=0)


def forget_old(at: datetime) -> int:
    """Delete the letters that went, or were given up, long enough ago; how many."""
    old = Letter.objects.filter(due_at=None, created_at__lt=at - settings.LETTERS_KEPT)
    return old.delete()[0]


@transaction.atomic
def _take(at: datetime) -> Letter | None:
    """The try is counted and the next one set before anything is sent: whoever dies with it cannot hold it up."""
    due = Letter.objects.filter(due_at__lte=at).order_by("due_at")
    letter = due.select_for_update(skip_locked=True).first()
    if letter:
        letter.due_at = _next_try(letter.tries, at)
        letter.tries += 1
        letter.save(update_fields=["due_at", "tries"])
    return letter


def _next_try(tries: int, at: datetime) -> datetime | None:
    waits = settings.LETTER_WAITS
    return at + timedelta(minutes=waits[tries]) if tries < len(waits) else None


def _send(letter: Letter, at: datetime) -> None:
    message = letter_texts.written(letter)
    if message is None:
        letter.delete()  # There is nobody to tell.
        return
    try:
        message.send()
    except (OSError, ValueError) as exc:  # SMTP's errors, and addresses that cannot be written out.
        _note_failure(letter, exc)
    else:
        _note_success(letter, at)


def _note_success(letter: Letter, at: datetime) -> None:
    if letter.kind == LAST:
        letter.delete()
    else:
        letter.sent_at, letter.due_at, letter.error = at, None, ""
        letter.save(update_fields=["sent_at", "due_at", "error"])


def _note_failure(letter: Letter, failure: OSError | ValueError) -> None:
    letter.error = f"{type(failure).__name__}: {failure}"[:300]
    if _is_final(failure):
        letter.due_at = None
    letter.save(update_fields=["error", "due_at"])
    logger.warning("Letter %s (%s) was not sent: %s", letter.id, letter.kind, type(failure).__name__)


def _is_final(failure: OSError | ValueError) -> bool:
    """There is no such address, or the mail server says that there is no such mailbox."""
    if isinstance(failure, ValueError):
        return True
    if not isinstance(failure, SMTPRecipientsRefused):
        return False
    return all(code >= 500 for code, _ in failure.recipients.values())
