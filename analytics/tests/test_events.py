"""Whoever has read up to an event has missed none below it, however many write at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from accounts.tests.factories import Person
from analytics import events
from analytics.events import Happened, Kind
from analytics.models import Event
from analytics.tests.watching import staff, staff_token
from config.tests.product import Product, eventually
from conftest import Run

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7423002 AND NOT granted"


def test_a_row_is_committed_before_the_next_number_is_given(alice: Person) -> None:
    def second() -> None:
        numbers.append(events.tell(of_alice, at=now()))
        connection.close()

    of_alice = Happened(Kind.USER_SIGNUP, alice.workspace.pk)
    numbers: list[int] = []
    later = threading.Thread(target=second)
    with transaction.atomic():
        events.tell(of_alice, at=now())
        later.start()
        eventually(is_somebody_waiting)
        between = events.tell(of_alice, at=now())
    later.join()

    assert between < numbers[0]


def is_somebody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def test_a_reader_from_its_cursor_misses_nothing_while_many_write(alice: Person, run: Run[Any]) -> None:
    def write() -> None:
        for _ in range(25):
            with transaction.atomic():
                events.tell(Happened(Kind.STRATEGY_DELETED, alice.workspace.pk), at=now())
        connection.close()

    writers = [threading.Thread(target=write) for _ in range(4)]
    cursor = run(events.newest())
    seen: list[int] = []
    for writer in writers:
        writer.start()
    while len(seen) < 100:
        for row in run(events.after(cursor, limit=7)):
            cursor = row["id"]
            seen += [cursor] if row["workspace_id"] == alice.workspace.pk else []
        if not any(writer.is_alive() for writer in writers) and cursor == run(events.newest()):
            break
    for writer in writers:
        writer.join()

    assert seen == sorted(Event.objects.filter(workspace=alice.workspace).values_list("pk", flat=True))
    assert len(seen) == 100


def test_staff_read_it_by_pages_from_a_cursor(product: Product, alice: Person) -> None:
    ids = [events.tell(Happened(Kind.USER_SIGNUP, alice.workspace.pk, alice.user.pk), at=now()) for _ in range(5)]
    page = f"/api/v1/analytics/activity?after={ids[0]}&workspace={alice.workspace.pk}&page_size=2"
    headers, found = staff_token(staff()), []

    while page:
        answer = product.http.get(page, headers=headers).json()
        found += answer["results"]
        page = answer["next"]

    assert [event["id"] for event in found] == ids[:0:-1]
    assert found[0]["user"] == alice.user.email


@pytest.mark.parametrize("query", ["after=x", "after=-1", "kind=none", "workspace=1", "cursor=cD1ub3c%3D"])
def test_a_bad_question_is_told_so(product: Product, query: str) -> None:
    answer = product.http.get(f"/api/v1/analytics/activity?{query}", headers=staff_token(staff()))

    assert answer.status_code in (400, 404)


def test_nobody_but_staff_reads_it(product: Product, alice: Person) -> None:
    assert product.http.get("/api/v1/analytics/activity", headers=alice.session).status_code == 403
