"""What must not be tried too often is counted here, in PostgreSQL: a guard holds with the cache down.

Counting is one statement, committed at once and before anything dear is done, so that tries in parallel cannot slip
past each other. A tally names nobody: it is found by a keyed hash of whom it is about.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.transaction import TransactionManagementError
from django.utils.crypto import salted_hmac

from accounts import addresses
from accounts.errors import TooManyAttempts
from accounts.models import Tally
from accounts.moments import seconds_until

COUNT = """
    INSERT INTO accounts_tally AS tally (key, about, purpose, count, resets_at)
    VALUES (%(key)s, %(about)s, %(purpose)s, 1, %(resets_at)s)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN tally.resets_at > %(at)s THEN tally.count + 1 ELSE 1 END,
        resets_at = CASE WHEN tally.resets_at > %(at)s THEN tally.resets_at ELSE excluded.resets_at END
    RETURNING count, resets_at
"""

DOTLESS_I = "\N{LATIN SMALL LETTER DOTLESS I}"


@dataclass(frozen=True)
class Counted:
    times: int
    resets_at: datetime


def count(purpose: str, *subject: object, at: datetime) -> None:
    """Count one more try. Raises `TooManyAttempts` beyond what `GUARDS` allows for this purpose.

    Call it before what it guards, and outside of any transaction.
    """
    counted = _count(purpose, subject, at)
    if counted.times > _bound(purpose)[0]:
        raise TooManyAttempts(seconds_until(counted.resets_at, at))


def may(purpose: str, *subject: object, at: datetime) -> bool:
    """The same for where a refusal must not show: counts, and answers."""
    return _count(purpose, subject, at).times <= _bound(purpose)[0]


def forgive(purpose: str, *subject: object) -> None:
    """After success: as if nothing had been tried."""
    Tally.objects.filter(key=_key(purpose, subject)).delete()


def give_back(purpose: str, *subject: object) -> None:
    """After success, where others' tries are in the same tally: this one was none."""
    Tally.objects.filter(key=_key(purpose, subject), count__gt=0).update(count=F("count") - 1)


def forget(about: object) -> None:
    """Drop every tally that is about this email, user or network, whatever for: it begins anew."""
    Tally.objects.filter(about=_about(about)).delete()


def sweep(at: datetime) -> int:
    return Tally.objects.filter(resets_at__lte=at).delete()[0]


@dataclass
class Guess:
    """What a right password is worth. Beside the owner of an email, a mere claim's forgives nothing."""

    forgives: bool = True


@contextmanager
def guessing(email: object, *, address: str, at: datetime) -> Iterator[Guess]:
    """Around one comparison of a password. Raises `TooManyAttempts` before it, whoever's email it is, or nobody's.

    A block that raises leaves its try counted. One that ends well was the right password: its tries are forgiven, and
    from this address the email's owner is let in from now on whatever strangers try elsewhere.
    """
    guess = Guess()
    network = addresses.network(address)
    count("password", email, network, at=at)
    known = Tally.objects.filter(key=_key("known address", (email, network)), resets_at__gt=at).exists()
    wider = [] if known else [("password anywhere", email), ("passwords from here", network)]
    for purpose, subject in wider:
        count(purpose, subject, at=at)
    yield guess
    if not guess.forgives:
        return
    forgive("password", email, network)
    for purpose, subject in wider:
        give_back(purpose, subject)
    _count("known address", (email, network), at)


def folded(text: str) -> str:
    """Never two for what any database takes for one email when it compares in lower case."""
    letters = text.strip().replace(DOTLESS_I, "i").casefold()
    # Of a capital I with a dot Python makes two, an i and its dot, where PostgreSQL makes an i.
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _count(purpose: str, subject: tuple[object, ...], at: datetime) -> Counted:
    if connection.in_atomic_block:
        raise TransactionManagementError("A guard counts at once, not when a transaction ends.")
    tally: dict[str, str | datetime] = {
        "key": _key(purpose, subject),
        "about": _about(subject[0]),
        "purpose": purpose,
        "resets_at": at + _bound(purpose)[1],
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(COUNT, tally)
        counted = Counted(*cursor.fetchone())
    # Connections are few, and what is guarded takes long: others use this one meanwhile.
    connection.close()
    return counted


def _bound(purpose: str) -> tuple[int, timedelta]:
    bound: tuple[int, timedelta] = settings.GUARDS[purpose]
    return bound


def _key(purpose: str, subject: tuple[object, ...]) -> str:
    return _hashed(f"guard {purpose}", *subject)


def _about(subject: object) -> str:
    return _hashed("about", subject)


def _hashed(salt: str, *parts: object) -> str:
    return salted_hmac(salt, "\n".join(folded(str(part)) for part in parts), algorithm="sha256").hexdigest()
