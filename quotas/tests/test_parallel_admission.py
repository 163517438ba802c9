"""Four processes ask for one allowance at the same time."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.conf import settings

from accounts.tests.factories import Person
from config.tests.product import database_url
from quotas.models import Decision, Reservation
from quotas.tests.admitting import COMMAND
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket

PROCESSES = 4
REQUESTS = 200
AT_ONCE = 50
ROOM = 10
TOKENS = 10_000 // ROOM


@contextmanager
def asking(person: Person) -> Iterator["subprocess.Popen[str]"]:
    arguments = [str(person.user.id), str(REQUESTS // PROCESSES), str(TOKENS)]
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DATABASE_POOL_SIZE": str(-(-AT_ONCE // PROCESSES)),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ask_at_once(person: Person) -> list[str]:
    """The request ids that were admitted, of all processes."""
    admitted: list[str] = []
    with ExitStack() as stack:
        processes = [stack.enter_context(asking(person)) for _ in range(PROCESSES)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout is not None
            admitted += json.loads(process.stdout.readline())
    return admitted


@pytest.fixture
def admitted(alice: Person) -> list[str]:
    return ask_at_once(alice)


def test_exactly_as_many_are_admitted_as_there_is_room_for(alice: Person, admitted: list[str]) -> None:
    assert len(admitted) == ROOM
    assert bucket(alice).reserved == ROOM * TOKENS
    assert bucket(alice, "requests").reserved == ROOM
    assert Reservation.objects.filter(workspace=alice.workspace).count() == ROOM
    decided = Decision.objects.filter(workspace=alice.workspace)
    assert set(decided.filter(admitted=True).values_list("request_id", flat=True)) == set(admitted)
    assert decided.count() == REQUESTS
