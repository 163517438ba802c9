"""Staff read what is a customer's own with a right of its own and a reason, and the customer sees that they did."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from django.utils.timezone import now

from accounts.models import AuditEntry
from accounts.tests.factories import Person, person
from analytics.tests.test_customers_console import staff
from assistants.models import Conversation, Job

HOSTILE = '<img src=x onerror="alert(1)">'
WHY = "Charged twice, as they wrote to us."


@pytest.fixture(scope="module")
def reader(database: None) -> Client:
    """Who has the rights it takes, and no other."""
    sees = ["assistants.view_conversation", "assistants.view_job"]
    return staff(*sees, "assistants.read_conversation", "assistants.read_job")


def talked(who: Person) -> Conversation:
    at = now()
    about = {"title": "A plan", "system": f"Be kind. {HOSTILE}", "model": "claude-sonnet-5-5"}
    made = Conversation.objects.create(workspace=who.workspace, user=who.user, **about)
    asked = made.messages.create(role="user", text=f"May I? {HOSTILE}", created_at=at, updated_at=at)
    made.messages.create(role="assistant", text="**You may.**", parent=asked, created_at=at, updated_at=at)
    return made


def worked(who: Person) -> Job:
    at = now()
    whose = {"workspace": who.workspace, "user": who.user, "leased_until": at, "created_at": at}
    return Job.objects.create(
        kind="strategy",
        crew="strategy",
        title=HOSTILE,
        brief={"goal": f"May I? {HOSTILE}"},
        state="completed",
        result={"said": "**You may.**"},
        **whose,
    )


def read(browser: Client, row: Any, **said: str) -> Any:
    address = reverse(f"admin:assistants_{row._meta.model_name}_changelist")
    return browser.post(address, {"action": "read", "_selected_action": [str(row.pk)], **said}, follow=True)


def lines(row: Any) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(subject=f"{row._meta.model_name}:{row.pk}"))


@pytest.mark.parametrize("made", [talked, worked])
def test_it_is_shown_as_text_once_it_is_said_why(reader: Client, made: Any) -> None:
    row = made(person("Alice"))

    asked = read(reader, row).content.decode()
    answer = read(reader, row, sure="yes", reason=WHY)

    assert "May I?" not in asked
    told = answer.content.decode()
    assert HOSTILE not in told
    assert "May I?" in told
    assert "**You may.**" in told
    assert escape(WHY) in told
    assert "no-store" in answer["Cache-Control"]
    [line] = lines(row)
    assert line.action == f"{row._meta.model_name}.read"
    assert (line.after, line.workspace, str(line.actor_id)) == (
        {"reason": WHY},
        row.workspace,
        reader.session["_auth_user_id"],
    )
    assert line.request_id


@pytest.mark.parametrize("reason", ["", "short", "x" * 201])
@pytest.mark.parametrize("made", [talked, worked])
def test_without_a_reason_nothing_is_shown_and_nothing_logged(reader: Client, made: Any, reason: str) -> None:
    row = made(person("Alice"))

    told = read(reader, row, sure="yes", reason=reason).content.decode()

    assert "May I?" not in told
    assert lines(row) == []


@pytest.mark.parametrize("made", [talked, worked])
def test_the_right_to_see_and_to_change_is_none_to_read(made: Any) -> None:
    row, name = made(person("Alice")), made(person("Bob"))._meta.model_name
    other = "job" if name == "conversation" else "conversation"
    helper = staff(*(f"assistants.{right}" for right in (f"view_{name}", f"change_{name}", f"read_{other}")))

    told = read(helper, row, sure="yes", reason=WHY).content.decode()

    assert "May I?" not in told
    assert lines(row) == []


@pytest.mark.parametrize("made", [talked, worked])
def test_what_its_owner_deleted_is_read_by_nobody(reader: Client, made: Any) -> None:
    row = made(person("Alice"))
    type(row).objects.filter(pk=row.pk).update(deleted_at=now())

    told = read(reader, row, sure="yes", reason=WHY).content.decode()

    assert "Its owner has deleted it" in told
    assert "May I?" not in told
    assert lines(row) == []


def test_a_form_of_another_site_reads_nothing(reader: Client) -> None:
    row = talked(person("Alice"))
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = reader.cookies

    assert read(strict, row, sure="yes", reason=WHY).status_code == 403
    assert lines(row) == []


def test_the_owner_of_the_workspace_sees_who_read_and_why(reader: Client) -> None:
    alice = person("Alice")
    row = talked(alice)
    read(reader, row, sure="yes", reason=WHY)

    answer = Client().get(f"/api/v1/workspaces/{alice.workspace.pk}/audit-log", headers=alice.session)

    found = [line for line in answer.json()["results"] if line["action"] == "conversation.read"]
    assert [line["after"] for line in found] == [{"reason": WHY}]
