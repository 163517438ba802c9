"""Somebody is erased: nothing anywhere tells who they were, others lose nothing, and the ledger is whole."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from accounts import audit, callers, erasure, exports, letters, tokens
from accounts.audit import Actor
from accounts.errors import InvalidCredentials
from accounts.models import (
    ApiKey,
    AuditEntry,
    IdempotentRequest,
    Invitation,
    Letter,
    Membership,
    TokenFamily,
    User,
    Workspace,
)
from accounts.tests.factories import PASSWORD, Person, person
from accounts.tests.mailbox import mails_to
from accounts.tests.ways_in import in_console
from assistants.models import Conversation, Message, Project, Turn
from assistants.tests.crews import BRIEF
from assistants.tests.standin.client import StandIn
from billing import subscriptions
from config.tests.product import Product, eventually
from quotas import grants
from quotas.grants import Gift
from quotas.models import Entry, Grant
from quotas.tests.ledger import assert_ledger_is_whole

ME = "/api/v1/auth/me"
PHONE = "+49309018200"  # nobody else's in these tests
CONVERSATIONS = "/api/v1/assistants/conversations"


def erase(somebody: Person) -> dict[str, int]:
    return erasure.erase(somebody.user.pk, by=Actor(somebody.user.pk, ip="192.0.2.1"), at=now())


def ask_to_erase(product: Product, somebody: Person, **body: Any) -> httpx2.Response:
    return product.http.request("DELETE", ME, headers=somebody.session, json=body)


def everything() -> Iterator[tuple[str, str]]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row::text FROM "{table}" row')
            yield from ((table, row) for (row,) in cursor.fetchall())


def tables_with(*words: str) -> set[str]:
    return {table for table, row in everything() if any(word.lower() in row.lower() for word in words)}


def team_of(owner: Person, *members: Person) -> Workspace:
    team = Workspace.objects.create(name="Team", email="team@example.com")
    Membership.objects.create(workspace=team, user=owner.user, role="owner")
    for member in members:
        Membership.objects.create(workspace=team, user=member.user, role="admin")
    return team


# The whole of it

TOLD = set(
    """
    accounts_apikey accounts_auditentry accounts_invitation accounts_letter accounts_tokenfamily accounts_user
    accounts_workspace assistants_attachment assistants_conversation assistants_creatorprofile assistants_decision
    assistants_job assistants_message assistants_project assistants_task billing_simulated django_admin_log
    mfa_authenticator socialaccount_socialaccount
    """.split()
)


@dataclass
class Newcomer:
    """Somebody who signs up, and leaves a canary wherever the API takes words."""

    product: Product
    canary: str = field(default_factory=lambda: f"canary{uuid.uuid4().hex}")
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def email(self) -> str:
        return f"{self.canary}@example.com"

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        told = {
            "user-agent": self.canary,
            "idempotency-key": f"{self.canary} {uuid.uuid4()}",
            **self.headers,
            **headers,
        }
        answer = self.product.http.request(method, f"/api/v1/{path}", json=body, headers=told)
        assert answer.status_code < 300, answer.text
        return answer

    def sign_up(self) -> None:
        words = ["name", "business_name", "industry", "sub_industry"]
        profile = {**dict.fromkeys(words, self.canary), "core_processes": [self.canary], "phone": PHONE}
        body = {"email": self.email, "password": PASSWORD, **profile}
        signed_in = self.send("POST", "auth/register", body).json()
        self.headers = {"authorization": f"Bearer {signed_in['access']}"}

    @property
    def user(self) -> User:
        return User.objects.get(email=self.email)


@pytest.fixture
def newcomer(product: Product) -> Newcomer:
    found = Newcomer(product)
    found.sign_up()
    User.objects.filter(email=found.email).update(email_verified_at=now())
    return found


def leave_traces(newcomer: Newcomer, team: Workspace, talk: Conversation) -> None:
    canary, send = newcomer.canary, newcomer.send
    room = Gift("tokens", 100_000, Grant.Source.GOODWILL, reason="for crews")
    grants.give(Workspace.objects.get(personal_to=newcomer.user).pk, room, by=audit.SYSTEM, at=now())
    in_team = {"x-workspace": str(team.pk)}
    send("PATCH", "auth/me", {"name": f"{canary} anew"})
    key = send("POST", "auth/api-keys", {"name": canary}).json()
    send("PATCH", f"auth/api-keys/{key['id']}", {"name": f"{canary} anew"})
    send("POST", f"auth/api-keys/{key['id']}/rotate", {})
    mine = send("POST", "assistants/conversations", {"title": canary, "system": canary}).json()["id"]
    file = {"file": (f"{canary}.txt", canary.encode())}
    given = newcomer.product.http.post("/api/v1/assistants/attachments", files=file, headers=newcomer.headers).json()
    words = {"text": f"{canary} [[say={canary}]]", "attachments": [given["id"]]}
    said = send("POST", f"assistants/conversations/{mine}/messages", words).json()
    send("PUT", f"assistants/conversations/{mine}/messages/{said['id']}/feedback", {"feedback": "up"})
    begun = send("POST", "assistants/conversations", {"title": canary, "system": canary}, **in_team).json()["id"]
    Message.objects.create(conversation_id=begun, user=talk.user, role="user", text="Bob here", **moments())
    for conversation in (talk.pk, begun):
        send("POST", f"assistants/conversations/{conversation}/messages", {"text": f"{canary} too"}, **in_team)
    send("POST", "assistants/strategies", {"brief": {**BRIEF, "notes": canary}})
    coached(newcomer, in_team, talk.user)
    request = {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": canary}]}
    wire = newcomer.product.http.post("/v1/messages", json=request, headers={"x-api-key": key["key"]})
    assert wire.status_code == 200
    send("POST", f"workspaces/{team.pk}/invitations", {"email": "dora@example.com", "role": "viewer"})
    solo = send("POST", "workspaces", {"name": canary}).json()["id"]
    send("PATCH", f"workspaces/{solo}", {"name": f"{canary} anew"})
    send("POST", "auth/me/email", {"email": f"new-{newcomer.email}", "password": PASSWORD})
    send("POST", "auth/me/export")
    send("POST", "billing/checkout", {"plan": "team"})
    leave_traces_inside(newcomer)


def coached(newcomer: Newcomer, in_team: dict[str, str], bob: User) -> None:
    """Two projects, one of which Bob works on as well."""
    canary, send = newcomer.canary, newcomer.send
    send("PUT", "coaching/profile", {"niche": canary, "audience": canary, "platforms": [{"name": canary}]})
    asked = {"template": "premium-community", "title": canary}
    mine = send("POST", "coaching/projects", asked).json()["id"]
    send("PATCH", f"coaching/projects/{mine}", {"status": "paused"})
    shared = send("POST", "coaching/projects", {**asked, "is_shared": True}, **in_team).json()["id"]
    talk = Project.objects.get(pk=shared).conversation
    Message.objects.create(conversation=talk, user=bob, role="user", text="Bob here", **moments())
    for project, where in ((mine, {}), (shared, in_team)):
        send("PATCH", f"coaching/projects/{project}/tasks/interview-followers", {"notes": canary}, **where)
        send("POST", f"coaching/projects/{project}/decisions", {"category": "pricing", "text": canary}, **where)
        send("POST", f"coaching/projects/{project}/chat", {"text": f"I've decided on Discord, {canary}"}, **where)


def moments() -> dict[str, Any]:
    return {"created_at": now(), "updated_at": now()}


def leave_traces_inside(newcomer: Newcomer) -> None:
    """What staff, the console, other providers and other people bring."""
    user, canary = newcomer.user, newcomer.canary
    while exports.make_next(now()):  # Others' tests may have left some that wait.
        pass
    User.objects.filter(pk=user.pk).update(is_staff=True, last_login=now())
    assert Client().login(username=user.email, password=PASSWORD)
    kind = ContentType.objects.get_for_model(User)
    staff = person("Staff").user
    LogEntry.objects.create(
        user=staff,
        content_type=kind,
        object_id=str(user.pk),
        object_repr=canary,
        action_flag=CHANGE,
        change_message=canary,
    )
    Authenticator.objects.create(user=user, type="webauthn", data={"name": canary})
    SocialAccount.objects.create(user=user, provider="google", uid=canary, extra_data={"name": canary})
    audit.record("staff.noted", by=Actor(staff.pk), subject=staff, at=now(), after={"to": f"<{newcomer.email}>"})
    Invitation.objects.create(workspace=team_of(person("Eve")), email=newcomer.email.upper(), expires_at=now())
    Workspace.objects.create(name="Formerly theirs", email=newcomer.email.upper())


def test_nothing_anywhere_tells_who_it_was(product: Product, newcomer: Newcomer) -> None:
    bob = person("Bob")
    team = team_of(bob)
    Membership.objects.create(workspace=team, user=newcomer.user, role="admin")
    talk = Conversation.objects.create(workspace=team, user=bob.user, model="claude-sonnet-5-5")
    Message.objects.create(conversation=talk, user=bob.user, role="user", text="Bob first", **moments())
    leave_traces(newcomer, team, talk)
    user_id = newcomer.user.pk
    files = [export.file for export in newcomer.user.exports.all()]
    files += newcomer.user.attachments.values_list("file", flat=True)
    assert tables_with(newcomer.canary) == TOLD
    assert IdempotentRequest.objects.filter(user=user_id).count() > 10
    assert [name for name in files if default_storage.exists(name)]

    newcomer.send("DELETE", "auth/me", {"password": PASSWORD})

    assert [letter.subject for letter in mails_to(newcomer.email)][-1] == "Your account is erased"
    assert tables_with(newcomer.canary, PHONE) == set()
    assert not [name for name in files if default_storage.exists(name)]
    assert {message.text for message in Message.objects.filter(user=bob.user)} == {"Bob first", "Bob here"}
    assert AuditEntry.objects.filter(actor=user_id).exclude(ip=None).count() == 0
    assert IdempotentRequest.objects.filter(user=user_id).count() == 0
    assert str(user_id) not in str([session.get_decoded() for session in Session.objects.all()])
    assert_ledger_is_whole()


def test_what_was_used_stays(product: Product, newcomer: Newcomer) -> None:
    user = newcomer.user
    talk = newcomer.send("POST", "assistants/conversations", {}).json()["id"]
    newcomer.send("POST", f"assistants/conversations/{talk}/messages", {"text": "Hello"})
    used = list(Entry.objects.filter(bucket__workspace__personal_to=user).values())

    newcomer.send("DELETE", "auth/me", {"password": PASSWORD})

    turn = Turn.objects.get(user=user)
    assert (turn.message, turn.outcome) == (None, "completed")
    assert used == list(Entry.objects.filter(bucket__workspace__personal_to=user).values()) != []
    assert_ledger_is_whole()


# What ends with it


def test_nobody_comes_in_any_more(product: Product, alice: Person) -> None:
    session, refresh = alice.session, tokens.begin_family(alice.user).refresh

    assert ask_to_erase(product, alice, password=PASSWORD).status_code == 204

    for headers in (session, alice.headers):
        assert product.http.get(ME, headers=headers).status_code == 401
    for path, body in (("login", {"email": alice.user.email, "password": PASSWORD}), ("refresh", {"refresh": refresh})):
        assert product.http.post(f"/api/v1/auth/{path}", json=body).status_code == 401


def test_a_plan_is_not_paid_for_any_longer(alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    erase(alice)

    assert [one.status for one in alice.workspace.subscriptions.all()] == ["canceled"]


def test_the_address_is_free_again(product: Product, alice: Person) -> None:
    erase(alice)

    body = {"email": alice.user.email, "password": PASSWORD}
    assert product.http.post("/api/v1/auth/register", json=body).status_code == 201


def test_the_last_letter_leaves_no_row(alice: Person) -> None:
    erase(alice)
    assert Letter.objects.filter(to=alice.user.email).count() == 1

    [letter] = mails_to(alice.user.email)

    assert letter.subject == "Your account is erased"
    assert not Letter.objects.filter(to=alice.user.email).exists()


def test_one_line_in_the_log_says_so(alice: Person) -> None:
    counts = erase(alice)

    [line] = AuditEntry.objects.filter(subject=f"user:{alice.user.pk}", action="user.erased")
    assert (line.actor, line.ip, line.after) == (alice.user, None, counts)
    assert counts["API keys"] == counts["memberships"] == 1


def test_who_did_what_stays_without_words(alice: Person) -> None:
    AuditEntry.objects.all()
    key = ApiKey.objects.get(user=alice.user)
    by = Actor(alice.user.pk, ip="192.0.2.1")
    audit.record("api_key.changed", by=by, subject=key, at=now(), after={"name": "words", "scopes": ["chat"], "n": 1})

    erase(alice)

    line = AuditEntry.objects.get(actor=alice.user, action="api_key.changed")
    assert (line.after, line.ip) == ({"name": "erased", "scopes": ["chat"], "n": 1}, None)


def test_the_log_is_as_closed_afterwards_as_before(alice: Person) -> None:
    from django.db import transaction

    with transaction.atomic():
        erase(alice)
        with pytest.raises(Exception, match="never edited"), transaction.atomic():
            AuditEntry.objects.filter(action="user.erased").update(action="nothing")


# Who may


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [({}, 400, "invalid_request"), ({"password": "not hers"}, 403, "wrong_password")],
)
def test_it_takes_the_password(product: Product, alice: Person, body: dict[str, str], status: int, code: str) -> None:
    answer = ask_to_erase(product, alice, **body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert User.objects.get(pk=alice.user.pk).erased_at is None


def test_a_key_erases_nobody(product: Product, alice: Person) -> None:
    answer = product.http.request("DELETE", ME, headers=alice.headers, json={"password": PASSWORD})

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_guessing_the_password_is_guarded(product: Product, alice: Person) -> None:
    answers = [ask_to_erase(product, alice, password="wrong").status_code for _ in range(11)]

    assert answers == [403] * 10 + [429]


def test_who_has_no_password_signs_in_anew(product: Product, alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(password="!")
    old = alice.session
    TokenFamily.objects.filter(user=alice.user).update(created_at=now() - timedelta(minutes=6))

    refused = product.http.request("DELETE", ME, headers=old, json={})
    done = product.http.request("DELETE", ME, headers=alice.session, json={})

    assert (refused.status_code, refused.json()["code"]) == (401, "reauthentication_required")
    assert done.status_code == 204


def test_who_owns_a_team_gives_it_away_first(product: Product, alice: Person) -> None:
    team = team_of(alice, person("Bob"))

    answer = ask_to_erase(product, alice, password=PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (409, "owns_a_team")
    assert "Team" in answer.json()["detail"]

    Membership.objects.filter(workspace=team, user=alice.user).delete()
    assert ask_to_erase(product, alice, password=PASSWORD).status_code == 204


def test_a_workspace_with_nobody_else_in_it_goes_too(alice: Person) -> None:
    team = team_of(alice)

    erase(alice)

    team.refresh_from_db()
    assert (team.name, team.deleted_at is not None) == ("Erased", True)


# What is another's


def test_a_claim_takes_nothing_from_the_owner_of_the_address(alice: Person) -> None:
    claim = User.objects.create_user(alice.user.email, PASSWORD)
    letter = letters.post("password_changed", to=alice.user.email, user=alice.user)

    erasure.erase(claim.pk, by=Actor(claim.pk), at=now())

    assert Letter.objects.filter(pk=letter.pk).exists()
    assert Workspace.objects.get(pk=alice.workspace.pk).email == alice.user.email
    assert not Letter.objects.filter(kind=letters.LAST, to=alice.user.email).exists()


def test_invoices_go_to_whom_the_workspace_was_given(alice: Person) -> None:
    bob = person("Bob")
    team = team_of(bob, alice)
    Workspace.objects.filter(pk=team.pk).update(email=alice.user.email)

    erase(alice)

    team.refresh_from_db()
    assert team.email == bob.user.email


def test_a_conversation_in_which_others_talk_stays(alice: Person) -> None:
    bob = person("Bob")
    team = team_of(bob, alice)
    talk = Conversation.objects.create(workspace=team, user=bob.user, title="Alice said this", model="m")
    Message.objects.create(conversation=talk, user=alice.user, role="user", text="Alice  said this", **moments())
    Message.objects.create(conversation=talk, user=bob.user, role="user", text="Bob said that", **moments())

    erase(alice)

    talk.refresh_from_db()
    assert [message.text for message in talk.messages.all()] == ["Bob said that"]
    assert talk.title == "New conversation"


# All of it, or nothing; once; whatever runs meanwhile


def test_what_fails_changes_nothing(alice: Person) -> None:
    def fail(_: erasure.Leaver) -> dict[str, int]:
        raise ZeroDivisionError

    erasure.contribute(fail)
    try:
        with pytest.raises(ZeroDivisionError):
            erase(alice)
    finally:
        erasure._erasers.remove(fail)

    assert callers.identify(alice.headers).email == alice.user.email
    assert not Letter.objects.filter(kind=letters.LAST, to=alice.user.email).exists()


def test_twice_is_once(alice: Person) -> None:
    assert erase(alice)
    assert erase(alice) == {}

    assert AuditEntry.objects.filter(subject=f"user:{alice.user.pk}", action="user.erased").count() == 1


def test_twice_at_once_is_once(alice: Person) -> None:
    def attempt(_: int) -> bool:
        with closing(connection):
            return bool(erase(alice))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]


def test_what_a_request_writes_a_moment_later_is_swept(alice: Person) -> None:
    erase(alice)
    late = Conversation.objects.create(workspace=alice.workspace, user=alice.user, title="late", model="m")
    Message.objects.create(conversation=late, user=alice.user, role="user", text="late", **moments())

    assert erasure.sweep(now()) >= 2

    assert not Conversation.objects.filter(pk=late.pk).exists()


def test_an_answer_under_way_is_settled(product: Product, standin: StandIn, alice: Person) -> None:
    talk = Conversation.objects.create(workspace=alice.workspace, user=alice.user, model="claude-sonnet-5-5")
    body = {"text": "[[tokens=60 gap=20]]"}
    headers = alice.headers | {"accept": "text/event-stream"}

    with product.http.stream("POST", f"{CONVERSATIONS}/{talk.pk}/messages", headers=headers, json=body) as answer:
        lines = answer.iter_lines()
        assert next(line for line in lines if line == "event: text")
        erase(alice)
        names = [line.partition(": ")[2] for line in lines if line.startswith("event: ")]

    assert names[-1] == "message.completed"
    eventually(lambda: Turn.objects.filter(user=alice.user).exists())
    turn = Turn.objects.get(user=alice.user)
    assert (turn.outcome, turn.message) == ("completed", None)
    assert Entry.objects.filter(reservation=turn.reservation_id).exists()
    assert not Message.objects.filter(user=alice.user).exists()
    assert_ledger_is_whole()


# By command and from the console


def test_a_dry_run_tells_and_changes_nothing(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("erase_user", alice.user.email, "--dry-run")

    assert re.search(r"1 API keys", capsys.readouterr().out)
    assert callers.identify(alice.headers)


def test_the_command_erases(alice: Person) -> None:
    call_command("erase_user", str(alice.user.pk), verbosity=0)

    with pytest.raises(InvalidCredentials):
        callers.identify(alice.headers)


def test_the_command_does_not_choose_between_claims(alice: Person) -> None:
    User.objects.create_user(alice.user.email, PASSWORD)

    with pytest.raises(CommandError, match=str(alice.user.pk)):
        call_command("erase_user", alice.user.email)


@pytest.mark.parametrize("who", ["nobody@example.com", "nobody", str(uuid.UUID(int=0))])
def test_the_command_says_whom_it_does_not_know(database: None, who: str) -> None:
    with pytest.raises(CommandError):
        call_command("erase_user", who)


def test_staff_are_asked_once_more(alice: Person) -> None:
    staff = person("Staff").user
    User.objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
    console = in_console(User.objects.get(pk=staff.pk))
    asked = {"action": "erase", "_selected_action": [str(alice.user.pk)]}

    page = console.post("/admin/accounts/user/", asked)
    assert alice.user.email in page.content.decode()
    assert User.objects.get(pk=alice.user.pk).erased_at is None

    console.post("/admin/accounts/user/", asked | {"sure": "yes", "reason": "They asked for it by letter."})
    assert User.objects.get(pk=alice.user.pk).erased_at
    assert AuditEntry.objects.get(subject=f"user:{alice.user.pk}", action="user.erased").actor == staff


# Whoever adds a table


KNOWN = """
    accounts.ApiKey accounts.AuditEntry accounts.Export accounts.IdempotentRequest accounts.Invitation accounts.Letter
    accounts.Membership accounts.TokenFamily accounts.Workspace account.EmailAddress admin.LogEntry
    analytics.Alert analytics.Compensation analytics.CustomerDay analytics.CustomerMonth analytics.Event
    analytics.Incident analytics.Ticket analytics.Webhook
    assistants.Attachment assistants.Conversation assistants.CreatorProfile assistants.Decision assistants.Job
    assistants.Message
    assistants.Project assistants.Task assistants.Turn
    billing.Customer billing.Invoice billing.Overage billing.PackPurchase billing.RecurringRevenue billing.Subscription
    djstripe.Customer
    mfa.Authenticator quotas.Bucket quotas.Decision quotas.Grant quotas.Reservation quotas.Rollup quotas.TopUp
    socialaccount.SocialAccount
""".split()


def test_every_table_about_people_is_known() -> None:
    """A new one belongs into an export, or says nothing of a person; and into erasure, or names nobody."""
    about = {
        model._meta.label
        for model in apps.get_models()
        for column in model._meta.concrete_fields
        if column.related_model in (User, Workspace)
    }

    assert about == set(KNOWN)
