"""What staff do to customers in the console: by the API's verbs, asked once more, and why, with a line in the log."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils.timezone import now

from accounts import tokens
from accounts.models import AuditEntry, Membership, TokenFamily, User, Workspace
from accounts.tests.factories import Person, person
from analytics.tests.test_customers_console import HOSTILE, staff
from assistants.models import Job
from billing import subscriptions
from conftest import Run
from quotas.models import Grant
from quotas.tests.plans import put_on_plan

WHY = "A promise of last week's call."


@pytest.fixture(scope="module")
def console(database: None) -> Client:
    return staff(is_superuser=True)


def act(console: Client, action: str, *rows: Any, **said: Any) -> str:
    """Choose rows in their list, do this with them; what the console says then."""
    kind = rows[0]._meta
    address = reverse(f"admin:{kind.app_label}_{kind.model_name}_changelist")
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows], **said}
    return console.post(address, chosen, follow=True).content.decode()


def sure(**said: Any) -> dict[str, Any]:
    return {"sure": "yes", "reason": WHY, **said}


def line_of(action: str, subject: Any) -> AuditEntry:
    """The only one."""
    return AuditEntry.objects.get(action=action, subject=f"{subject._meta.model_name}:{subject.pk}")


def waiting_job(who: Person) -> Job:
    at = now()
    whose = {"workspace": who.workspace, "user": who.user, "leased_until": at + timedelta(hours=1), "created_at": at}
    return Job.objects.create(kind="strategy", crew="strategy", title=HOSTILE, brief={"goal": HOSTILE}, **whose)


@pytest.mark.parametrize("of", [lambda who: who.workspace, lambda who: who.user], ids=["workspaces", "people"])
def test_a_customer_is_put_on_a_plan(console: Client, of: Callable[[Person], Any]) -> None:
    alice, plan = person("Alice"), put_on_plan(person("Dora"), tokens_day=5)

    act(console, "change_plan", of(alice), **sure(plan=plan.slug))

    assert subscriptions.current_plan(alice.workspace.pk).slug == plan.slug
    line = line_of("subscription.given", alice.workspace)
    assert (line.before, line.after) == ({"plan": "free"}, {"plan": plan.slug, "reason": WHY})
    assert line.workspace == alice.workspace
    assert line.request_id


def test_who_is_on_the_plan_already_keeps_what_they_pay_for(console: Client) -> None:
    alice, plan = person("Alice"), put_on_plan(person("Dora"), tokens_day=5)
    paid = subscriptions.put_on_plan(alice.workspace, plan.slug, at=now())
    assert paid

    said = act(console, "change_plan", alice.workspace, **sure(plan=plan.slug))

    assert "1 stay as they are" in said
    paid.refresh_from_db()
    assert paid.canceled_at is None


@pytest.mark.parametrize("of", [lambda who: who.workspace, lambda who: who.user], ids=["workspaces", "people"])
def test_a_customer_is_given_credit_that_expires(console: Client, of: Callable[[Person], Any]) -> None:
    alice = person("Alice")

    act(console, "give_credit", of(alice), **sure(meter="tokens", amount=700, days=3))

    grant = Grant.objects.get(workspace=alice.workspace)
    assert (grant.meter, grant.amount, grant.reason, grant.source) == ("tokens", 700, WHY, "goodwill")
    assert grant.expires_at is not None
    assert timedelta(days=2, hours=23) < grant.expires_at - now() <= timedelta(days=3)
    assert line_of("credit.given", grant).actor is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": 2**60},
        {"days": 0},
        {"meter": "wishes"},
        {"reason": "short"},
        {"reason": "x" * 201},
        {"reason": ""},
    ],
    ids=str,
)
def test_wrong_answers_are_asked_again_and_give_nothing(console: Client, wrong: dict[str, Any]) -> None:
    alice = person(HOSTILE)

    said = act(console, "give_credit", alice.workspace, **(sure(meter="tokens", amount=5, days=5) | wrong))

    assert "Give them credit?" in said
    assert HOSTILE not in said
    assert not Grant.objects.filter(workspace=alice.workspace).exists()


@pytest.mark.parametrize("action", ["change_plan", "give_credit", "reset_usage", "suspend_people", "sign_out_people"])
def test_nothing_is_done_before_it_is_asked_why(console: Client, action: str) -> None:
    alice = person("Alice")
    before = AuditEntry.objects.filter(workspace=alice.workspace).count()

    said = act(console, action, alice.workspace, of_one="yes")

    assert alice.workspace.name in said
    assert 'name="reason"' in said
    assert AuditEntry.objects.filter(workspace=alice.workspace).count() == before


def test_everybody_in_a_workspace_is_suspended_but_for_staff_themselves(console: Client) -> None:
    alice, bob = person("Alice"), person("Bob")
    me = User.objects.get(pk=console.session["_auth_user_id"])
    for user in (bob.user, me):
        Membership.objects.create(workspace=alice.workspace, user=user, role="member")

    act(console, "suspend_people", alice.workspace, **sure())

    active = User.objects.filter(pk__in=[alice.user.pk, bob.user.pk, me.pk], is_active=True)
    assert list(active) == [me]
    line = line_of("user.suspended", bob.user)
    assert (line.before, line.after) == ({"active": True}, {"active": False, "reason": WHY})
    assert line.workspace == alice.workspace


def test_everybody_in_a_workspace_is_signed_out(console: Client) -> None:
    alice = person("Alice")
    tokens.begin_family(alice.user)

    act(console, "sign_out_people", alice.workspace, **sure())

    assert not TokenFamily.objects.filter(user=alice.user, ended_at=None).exists()
    assert line_of("user.signed_out", alice.user).after == {"sessions": 0, "reason": WHY}


def test_a_job_is_cancelled_once(run: Run[Any], console: Client) -> None:
    job = waiting_job(person("Alice"))
    asked = act(console, "cancel", job)
    assert HOSTILE not in asked

    said = [run(cancelled(asynchronous(console), job)) for _ in range(2)]

    assert "1 cancelled." in said[0]
    assert "0 cancelled. 1 had ended" in said[1]
    job.refresh_from_db()
    assert job.cancel_asked_at
    assert line_of("job.cancelled", job).workspace == job.workspace


async def cancelled(browser: AsyncClient, job: Job) -> str:
    chosen = {"action": "cancel", "_selected_action": [str(job.pk)], **sure()}
    answer = await browser.post(reverse("admin:assistants_job_changelist"), chosen, follow=True)
    await sync_to_async(connections.close_all)()  # Of the thread in which the page was made.
    return answer.content.decode()


def asynchronous(console: Client) -> AsyncClient:
    """For what is done, or answered, by coroutines."""
    browser = AsyncClient()
    browser.cookies = console.cookies
    return browser


# The right to


DEEDS = {
    "change_plan": "billing.change_subscription",
    "give_credit": "quotas.add_grant",
    "reset_usage": "accounts.change_workspace",
    "suspend_people": "accounts.change_user",
    "sign_out_people": "accounts.change_user",
}


@pytest.mark.parametrize("action", DEEDS)
def test_who_lacks_the_right_does_nothing(action: str) -> None:
    alice, plan = person("Alice"), put_on_plan(person("Dora"), tokens_day=5)
    tokens.begin_family(alice.user)
    others = {right for right in DEEDS.values() if right != DEEDS[action]}
    helper = staff("accounts.view_workspace", "accounts.view_user", *others)
    lines = AuditEntry.objects.filter(subject__in=[f"workspace:{alice.workspace.pk}", f"user:{alice.user.pk}"])
    before = lines.count()

    said = act(helper, action, alice.workspace, **sure(plan=plan.slug, meter="tokens", amount=5, days=5))

    assert WHY not in said
    assert lines.count() == before
    assert User.objects.get(pk=alice.user.pk).is_active
    assert TokenFamily.objects.filter(user=alice.user, ended_at=None).exists()
    assert subscriptions.current_plan(alice.workspace.pk).slug == "free"
    assert not Grant.objects.filter(workspace=alice.workspace).exists()


def test_who_looks_after_no_staff_suspends_none_of_them_with_their_workspace() -> None:
    boss = person("Boss")
    User.objects.filter(pk=boss.user.pk).update(is_staff=True)
    helper = staff("accounts.view_workspace", "accounts.change_workspace", "accounts.change_user")

    act(helper, "suspend_people", boss.workspace, **sure())

    assert User.objects.get(pk=boss.user.pk).is_active


def test_a_deleted_workspace_is_given_nothing(console: Client) -> None:
    alice = person("Alice")
    Workspace.objects.filter(pk=alice.workspace.pk).update(deleted_at=now())

    act(console, "give_credit", alice.workspace, **sure(meter="tokens", amount=5, days=5))

    assert not Grant.objects.filter(workspace=alice.workspace).exists()


# Export


def test_chosen_people_are_exported_without_formulas_and_it_is_logged(run: Run[Any], console: Client) -> None:
    alice, bob, charlie = person("Alice"), person("Bob"), person("Charlie")
    User.objects.filter(pk=bob.user.pk).update(name="=1+1")
    chosen = {"action": "export", "_selected_action": [str(alice.user.pk), str(bob.user.pk)]}

    answer, text = run(downloaded(asynchronous(console), chosen))

    assert answer["Content-Disposition"] == 'attachment; filename="users.csv"'
    rows = {line["id"]: line for line in csv.DictReader(text.splitlines())}
    assert set(rows) == {str(alice.user.pk), str(bob.user.pk)}
    assert rows[str(bob.user.pk)]["name"] == "'=1+1"
    assert charlie.user.email not in text
    line = AuditEntry.objects.filter(action="users.exported", actor=console.session["_auth_user_id"]).latest("id")
    assert line.after == {"chosen": 2, "search": ""}


async def downloaded(browser: AsyncClient, chosen: dict[str, Any]) -> tuple[Any, str]:
    answer: Any = await browser.post(reverse("admin:accounts_user_changelist"), chosen)
    text = b"".join([piece async for piece in answer.streaming_content]).decode()
    await sync_to_async(connections.close_all)()
    return answer, text
