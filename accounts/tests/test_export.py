"""Everything a person has, in one file: asked for, made once whatever becomes of the worker, gone after a while."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import IntegrityError, connection, transaction
from django.utils.timezone import now
from pytest_django import Settings

from accounts import api_keys, archives, exports, profiles, tasks
from accounts.archives import Json
from accounts.audit import SYSTEM, Actor
from accounts.errors import KeyRefused, TooManyAttempts
from accounts.models import AuditEntry, Export, Membership, User, Workspace
from accounts.tests.factories import PASSWORD, Person, person
from accounts.tests.mailbox import mails_to
from assistants.models import Conversation, Message
from config import settings as ours
from config.tests.product import Product

EXPORT = "/api/v1/auth/me/export"
State = Export.State


@pytest.fixture(autouse=True)
def nothing_is_due(database: None) -> None:
    """Earlier tests leave exports behind."""
    Export.objects.filter(state=State.QUEUED).update(state=State.FAILED)


def asked(somebody: Person) -> Export:
    return exports.ask(somebody.user, by=Actor(somebody.user.pk), at=now())


def made(somebody: Person) -> Export:
    export = asked(somebody)
    assert exports.make_next(now())
    export.refresh_from_db()
    assert export.state == State.READY
    return export


def content(export: Export) -> dict[str, Any]:
    with default_storage.open(export.file) as file:
        return unpacked(file.read())


def unpacked(data: bytes) -> dict[str, Any]:
    with ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        read = {name: archive.read(name).decode() for name in archive.namelist()}
    return {name: json.loads(text) if name.endswith(".json") else text for name, text in read.items()}


def say(conversation: Conversation, text: str, *, by: User | None) -> Message:
    return conversation.messages.create(role="user", text=text, user=by, created_at=now(), updated_at=now())


# Asking and downloading


def test_it_is_asked_for_made_and_downloaded(product: Product, alice: Person) -> None:
    headers = alice.session

    queued = product.http.post(EXPORT, headers=headers)
    assert (queued.status_code, queued.json()["state"], queued.json()["download"]) == (202, "queued", None)
    tasks.make_exports()
    ready = product.http.get(EXPORT, headers=headers).json()
    answer = product.http.get(ready["download"])

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"].startswith('attachment; filename="stipend-')
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.content) == ready["size"]
    assert unpacked(answer.content)["profile.json"][0]["email"] == alice.user.email


def test_nothing_is_there_before_it_is_asked_for(product: Product, alice: Person) -> None:
    assert product.http.get(EXPORT, headers=alice.session).status_code == 404


def test_a_key_does_not_take_it_away(product: Product, alice: Person) -> None:
    assert product.http.post(EXPORT, headers=alice.headers).status_code == 403
    assert product.http.get(EXPORT, headers=alice.headers).status_code == 403


@pytest.mark.parametrize("key", ["", "forged", "WyIiXQ:1:x", "\x00", "é" * 2000])
def test_without_its_key_nobody_gets_it(product: Product, alice: Person, key: str) -> None:
    export = made(alice)

    answer = product.http.get(f"/api/v1/auth/exports/{export.pk}", params={"key": key}, headers=alice.session)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_key")


def test_a_key_is_for_one_export(alice: Person, charlie: Person) -> None:
    hers, his = made(alice), made(charlie)

    with pytest.raises(KeyRefused):
        exports.opened(hers.pk, exports.key_for(his), by=SYSTEM, at=now())


def test_a_key_is_good_for_minutes(alice: Person, settings: Settings) -> None:
    export = made(alice)
    key = exports.key_for(export)

    settings.EXPORT_LINK_LIFE = timedelta(seconds=-1)

    with pytest.raises(KeyRefused):
        exports.opened(export.pk, key, by=SYSTEM, at=now())


def test_asking_and_downloading_are_logged(product: Product, alice: Person) -> None:
    export = made(alice)

    product.http.get(f"/api/v1/auth/exports/{export.pk}?key={exports.key_for(export)}")

    lines = AuditEntry.objects.filter(subject=f"export:{export.pk}").order_by("id")
    assert [(line.action, line.actor, line.ip) for line in lines] == [
        ("export.asked", alice.user, None),
        ("export.downloaded", None, "127.0.0.1"),
    ]


def test_a_letter_tells_and_brings_no_key(alice: Person) -> None:
    made(alice)

    [letter] = mails_to(alice.user.email)
    assert "/account/your-data" in str(letter.body)
    assert "key" not in str(letter.body)


def test_nobody_writes_to_an_address_that_is_only_claimed(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(email_verified_at=None)

    made(alice)

    assert mails_to(alice.user.email) == []


# One at a time


def test_asking_again_while_it_waits_changes_nothing(alice: Person) -> None:
    assert asked(alice) == asked(alice)


def test_asking_in_parallel_begins_one(alice: Person) -> None:
    def ask(_: int) -> Export:
        with closing(connection):
            return asked(alice)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1


def test_a_new_one_takes_the_place_of_the_former(alice: Person) -> None:
    former = made(alice)

    made(alice)

    former.refresh_from_db()
    assert former.state == State.EXPIRED
    assert not default_storage.exists(former.file)


def test_the_database_allows_no_second(alice: Person) -> None:
    asked(alice)

    with pytest.raises(IntegrityError, match="one_export_per_person"), transaction.atomic():
        Export.objects.create(user=alice.user, state=State.READY, created_at=now(), due_at=now())


def test_there_is_an_end_to_asking(alice: Person) -> None:
    for _ in range(5):
        made(alice)

    with pytest.raises(TooManyAttempts):
        asked(alice)


# Making it once, whatever happens


def test_two_workers_make_one_file(alice: Person) -> None:
    export = asked(alice)

    def work(_: int) -> int:
        with closing(connection):
            return tasks.make_exports()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))

    export.refresh_from_db()
    assert (export.state, export.tries) == (State.READY, 1)
    assert stored_of(export) == [Path(export.file).name]


def test_a_job_that_is_delivered_twice_makes_nothing_anew(alice: Person) -> None:
    export = made(alice)

    assert tasks.make_exports() == 0
    exports._make(export.pk, now())

    assert stored_of(export) == [Path(export.file).name]
    assert len(mails_to(alice.user.email)) == 1


class WorkerDied(BaseException):
    pass


class Deadly(FileSystemStorage):
    """Whoever has stored a file dies of it, before anybody knows."""

    def save(self, *args: Any, **named: Any) -> str:
        super().save(*args, **named)
        raise WorkerDied


@pytest.fixture
def deadly(settings: Settings) -> None:
    options = settings.STORAGES["default"]["OPTIONS"]
    settings.STORAGES = {"default": {"BACKEND": f"{__name__}.Deadly", "OPTIONS": options}}


def test_a_worker_that_dies_leaves_it_to_the_next(alice: Person, deadly: None, settings: Settings) -> None:
    export, at = asked(alice), now()
    with pytest.raises(WorkerDied):
        exports.make_next(at)
    settings.STORAGES = ours.STORAGES

    assert not exports.make_next(at)
    assert exports.make_next(at + timedelta(minutes=5))

    export.refresh_from_db()
    assert (export.state, export.tries) == (State.READY, 2)
    assert stored_of(export) == [Path(export.file).name]


def test_it_is_given_up_after_some_tries(alice: Person, deadly: None) -> None:
    export, at = asked(alice), now()
    for _ in range(4):
        with pytest.raises(WorkerDied):
            exports.make_next(at)
        at += timedelta(minutes=5)

    assert not exports.make_next(at)
    assert exports.sweep(at) == 1

    export.refresh_from_db()
    assert export.state == State.FAILED


def stored_of(export: Export) -> list[str]:
    _, files = default_storage.listdir("exports")
    return [name for name in files if str(export.pk) in name]


# Letting go


def test_it_is_gone_after_a_week(alice: Person) -> None:
    export = made(alice)
    week_later = now() + timedelta(days=7)

    exports.sweep(week_later - timedelta(hours=1))
    assert default_storage.exists(export.file)
    exports.sweep(week_later)

    assert not default_storage.exists(export.file)
    with pytest.raises(KeyRefused):
        exports.opened(export.pk, exports.key_for(export), by=SYSTEM, at=now())


def test_nobody_else_on_the_machine_reads_it(alice: Person) -> None:
    path = Path(default_storage.path(made(alice).file))

    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


# What is in it


def test_it_holds_what_a_person_has(alice: Person) -> None:
    profiles.change(alice.user, by=Actor(alice.user.pk, ip="192.0.2.1"), at=now(), business_name="Bakery")
    conversation = Conversation.objects.create(workspace=alice.workspace, user=alice.user, title="Plans", model="m")
    say(conversation, "Where do I begin?", by=alice.user)

    found = content(made(alice))

    assert found["profile.json"][0]["business_name"] == "Bakery"
    assert [key["name"] for key in found["api_keys.json"]] == ["test"]
    assert [one["role"] for one in found["workspaces.json"]] == ["owner"]
    assert [one["title"] for one in found["conversations.json"]] == ["Plans"]
    assert [one["text"] for one in found["messages.json"]] == ["Where do I begin?"]
    [changed] = [line for line in found["audit_log.json"] if line["action"] == "profile.changed"]
    assert (changed["by_you"], changed["ip"]) == (True, "192.0.2.1")


def test_a_readme_says_what_each_file_is(alice: Person) -> None:
    found = content(made(alice))

    files = {name for name in found if name != "README.txt"}
    assert files
    assert all(f"\n{name}\n" in found["README.txt"] for name in files)


def test_no_secret_is_in_it(alice: Person) -> None:
    alice.session  # noqa: B018  # A session begins.

    text = json.dumps(content(made(alice)))

    alice.user.refresh_from_db()
    secrets = [PASSWORD, alice.user.password, alice.api_key, api_keys.digest(alice.api_key)]
    secrets += [family.current_jti for family in alice.user.token_families.all()]
    assert len(secrets) == 5
    assert not [secret for secret in secrets if secret in text]


def test_of_a_shared_workspace_it_holds_what_is_theirs(alice: Person) -> None:
    bob = person("Bob")
    team = Workspace.objects.create(name="Team", email="team@example.com")
    for member, role in ((bob, "owner"), (alice, "member")):
        Membership.objects.create(workspace=team, user=member.user, role=role)
    theirs = Conversation.objects.create(workspace=team, user=bob.user, title="Bob's", model="m")
    say(theirs, "asked by Bob", by=bob.user)
    say(theirs, "asked by Alice", by=alice.user)

    found = content(made(alice))

    assert [one["text"] for one in found["messages.json"]] == ["asked by Alice"]
    assert found["conversations.json"] == []
    assert {one["name"] for one in found["workspaces.json"]} == {alice.workspace.name, "Team"}


@pytest.mark.slow
def test_it_takes_no_more_memory_for_more_rows(alice: Person) -> None:
    def many(_: User) -> Iterator[Json]:
        return ({"text": "x" * 1000} for _ in range(100_000))

    archives.contribute("many", "A hundred megabytes.", many)
    try:
        tracemalloc.start()
        export = made(alice)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        del archives._parts["many"]

    assert peak < 20_000_000
    assert export.size
