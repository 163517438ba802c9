"""The logs say which error of the database it was, and nothing of what stood in the row."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from accounts.models import User
from accounts.tests.factories import Person
from config.logs import Discreet

CANARY = "canary, of all\nthings"


@pytest.fixture
def told() -> tuple[logging.Logger, io.StringIO]:
    """A logger, and what it has told."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Discreet("{levelname} {message}", style="{"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    return logger, stream


def refuse_a_row(alice: Person) -> None:
    with transaction.atomic():
        User.objects.filter(pk=alice.user.pk).update(name=CANARY, currency=None)


def refuse_a_value(alice: Person) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT %s::uuid", [CANARY])


@pytest.mark.parametrize(
    ("fail", "kind", "told_instead"),
    [(refuse_a_row, IntegrityError, "23502 accounts_user"), (refuse_a_value, DataError, "22P02")],
)
def test_an_error_tells_no_value(
    told: tuple[logging.Logger, io.StringIO],
    alice: Person,
    fail: Callable[[Person], None],
    kind: type[Exception],
    told_instead: str,
) -> None:
    logger, stream = told
    try:
        fail(alice)
    except kind as exc:
        logger.exception("It failed: %s, %r", exc, exc)
        wrapped = RuntimeError("Afterwards")
        wrapped.__cause__ = exc
        logger.error("And this", exc_info=wrapped)

    assert "canary" not in stream.getvalue()
    assert f"[{told_instead}]" in stream.getvalue()
    assert "Afterwards" in stream.getvalue()
    assert "Traceback" in stream.getvalue()


def test_other_errors_say_what_they_say(told: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = told
    try:
        raise ValueError("seven and a half")
    except ValueError:
        logger.exception("It failed")

    assert "seven and a half" in stream.getvalue()
