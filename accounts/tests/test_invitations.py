"""Invitations: by a letter, to whoever reads it, once and in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts import api_keys, mail_keys
from accounts.models import ApiKey, AuditEntry, Invitation, Letter, User
from accounts.tests.factories import Person, person
from accounts.tests.mailbox import key_in, mails_to
from accounts.tests.teams import ROLES, WORKSPACES, Team, as_role, call, said, team
from config.tests.product import Product

ACCEPT = "/api/v1/invitations/accept"


@pytest.fixture(autouse=True)
def nothing_is_due(database: None) -> None:
    """Earlier tests leave letters behind."""
    Letter.objects.update(due_at=None)


def address() -> str:
    return f"{uuid4().hex}@example.com"


def invite(product: Product, ours: Team, email: str, role: str = "member") -> Invitation:
    answer = call(product, ours.alice, "POST", f"{ours.path}/invitations", email=email, role=role)
    assert answer.status_code == 201, answer.text
    return Invitation.objects.get(pk=answer.json()["id"])


def key_to(email: str) -> str:
    """Of the last letter to this address."""
    return key_in(mails_to(email)[-1])


def accept(product: Product, who: Person, key: str) -> httpx2.Response:
    return call(product, who, "POST", ACCEPT, key=key)


# Inviting


@pytest.mark.parametrize("role", ROLES)
def test_who_manages_invites(product: Product, role: str) -> None:
    ours, who = as_role(role)
    email = address()

    answer = call(product, who, "POST", f"{ours.path}/invitations", email=email, role="viewer")

    if role in ("owner", "admin"):
        invitation = answer.json()
        assert (invitation["email"], invitation["role"], invitation["state"]) == (email, "viewer", "open")
        assert invitation["invited_by"] == str(who.user.pk)
        assert call(product, who, "GET", f"{ours.path}/invitations").json()["results"] == [invitation]
        assert len(mails_to(email)) == 1
    else:
        assert said(answer) == (403, "insufficient_scope")
        assert said(call(product, who, "GET", f"{ours.path}/invitations")) == (403, "insufficient_scope")
        assert mails_to(email) == []


def test_the_letter_says_who_invites_where_and_as_what(product: Product) -> None:
    ours, email = team(), address()

    invite(product, ours, email, "viewer")

    [letter] = mails_to(email)
    assert letter.subject == "You are invited to Acme"
    for told in (ours.alice.user.email, "Acme", "viewer"):
        assert told in str(letter.body)


@pytest.mark.parametrize(
    ("field", "value"), [("email", "nobody"), ("email", ""), ("role", "owner"), ("role", "root"), ("role", None)]
)
def test_what_is_no_invitation_is_refused(product: Product, field: str, value: object) -> None:
    ours = team()
    asked = {"email": address(), "role": "member", field: value}

    answer = call(product, ours.alice, "POST", f"{ours.path}/invitations", **asked)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expires_at", "2100-01-01T00:00:00Z"),
        ("accepted_at", "2000-01-01T00:00:00Z"),
        ("invited_by", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_nothing_else_of_an_invitation_can_be_chosen(product: Product, field: str, value: Any) -> None:
    ours = team()

    made = call(product, ours.alice, "POST", f"{ours.path}/invitations", email=address(), **{field: value}).json()

    assert made[field] != value
    assert made["state"] == "open"


def test_a_member_is_not_invited_again(product: Product) -> None:
    ours = team()

    answer = call(product, ours.alice, "POST", f"{ours.path}/invitations", email=ours.bob.user.email.upper())

    assert said(answer) == (409, "already_member")


def test_who_has_not_verified_their_own_address_invites_nobody(product: Product) -> None:
    ours, email = team(), address()
    User.objects.filter(pk=ours.alice.user.pk).update(email_verified_at=None)

    answer = call(product, ours.alice, "POST", f"{ours.path}/invitations", email=email)

    assert said(answer) == (403, "email_not_verified")
    assert mails_to(email) == []


def test_inviting_again_renews_and_answers_the_same(product: Product) -> None:
    ours, email = team(), address()
    first = invite(product, ours, email, "admin")
    Invitation.objects.filter(pk=first.pk).update(expires_at=now() - timedelta(days=1))

    again = invite(product, ours, email.upper(), "viewer")

    assert (again.pk, again.role) == (first.pk, "viewer")
    assert again.expires_at > now() + timedelta(days=6)
    actions = AuditEntry.objects.filter(workspace=ours.workspace, action__startswith="invitation.")
    assert [line.action for line in actions.order_by("id")] == ["invitation.created", "invitation.renewed"]


def test_one_address_is_not_flooded(product: Product) -> None:
    email = address()

    answers = []
    for ours in (team(), team()):
        answers += [call(product, ours.alice, "POST", f"{ours.path}/invitations", email=email) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201] * 5 + [429]
    assert len(mails_to(email)) == 5


def test_the_database_allows_one_pending_invitation_per_address(product: Product) -> None:
    ours, email = team(), address()
    invite(product, ours, email)

    with pytest.raises(IntegrityError, match="one_pending_invitation_per_email"), transaction.atomic():
        Invitation.objects.create(workspace=ours.workspace, email=email.upper(), role="viewer", expires_at=now())


def test_the_database_lets_nobody_be_invited_as_owner(alice: Person) -> None:
    with pytest.raises(IntegrityError, match="nobody_is_invited_as_owner"), transaction.atomic():
        Invitation.objects.create(workspace=alice.workspace, email=address(), role="owner", expires_at=now())


# Accepting


def test_who_holds_the_link_becomes_what_it_offers(product: Product, charlie: Person) -> None:
    ours, email = team(), address()
    invitation = invite(product, ours, email, "viewer")

    answer = accept(product, charlie, key_to(email))

    assert answer.status_code == 200, answer.text
    assert (answer.json()["id"], answer.json()["role"]) == (str(ours.workspace.pk), "viewer")
    assert ours.role_of(charlie) == "viewer"
    invitation.refresh_from_db()
    assert invitation.accepted_by == charlie.user
    line = AuditEntry.objects.get(action="invitation.accepted", workspace=ours.workspace)
    assert (line.actor, line.after["role"]) == (charlie.user, "viewer")


def test_a_link_is_good_once(product: Product, charlie: Person) -> None:
    ours, email = team(), address()
    invite(product, ours, email)
    key = key_to(email)
    accept(product, charlie, key)

    assert said(accept(product, person("Dave"), key)) == (400, "invalid_key")
    assert said(accept(product, charlie, key)) == (409, "already_member")


def test_a_member_who_opens_the_link_does_not_spend_it(product: Product, charlie: Person) -> None:
    ours, email = team(), address()
    invite(product, ours, email, "admin")
    key = key_to(email)

    assert said(accept(product, ours.bob, key)) == (409, "already_member")

    assert ours.role_of(ours.bob) == "member"
    assert accept(product, charlie, key).status_code == 200


@pytest.mark.parametrize("ending", ["expired", "revoked", "deleted", "removed inviter"])
def test_an_invitation_that_is_over_is_not_accepted(product: Product, charlie: Person, ending: str) -> None:
    ours, email = team("admin"), address()
    call(product, ours.bob, "POST", f"{ours.path}/invitations", email=email)
    invitation = Invitation.objects.get(workspace=ours.workspace)
    key = key_to(email)
    match ending:
        case "expired":
            Invitation.objects.filter(pk=invitation.pk).update(expires_at=now())
        case "revoked":
            call(product, ours.alice, "DELETE", f"{ours.path}/invitations/{invitation.pk}")
        case "deleted":
            call(product, ours.alice, "DELETE", ours.path)
        case "removed inviter":
            call(product, ours.alice, "DELETE", ours.member(ours.bob))

    assert said(accept(product, charlie, key)) == (400, "invalid_key")
    assert ours.role_of(charlie) is None


@pytest.mark.parametrize("key", ["forged", "\x00", "a:b:c", "x" * 3000])
def test_a_forged_key_opens_nothing(product: Product, charlie: Person, key: str) -> None:
    assert accept(product, charlie, key).status_code == 400


def test_a_key_for_something_else_opens_nothing(product: Product, charlie: Person) -> None:
    ours, email = team(), address()
    invitation = invite(product, ours, email)

    for key in (mail_keys.make("verify-email", str(invitation.pk)), mail_keys.make("invitation", str(uuid4()))):
        assert said(accept(product, charlie, key)) == (400, "invalid_key")


def test_nobody_accepts_without_signing_in(product: Product) -> None:
    ours, email = team(), address()
    invite(product, ours, email)

    assert product.http.post(ACCEPT, json={"key": key_to(email)}).status_code == 401


def test_a_key_of_a_program_accepts_nothing(product: Product, charlie: Person) -> None:
    ours, email = team(), address()
    invite(product, ours, email)

    answer = product.http.post(ACCEPT, headers=charlie.headers, json={"key": key_to(email)})

    assert said(answer) == (403, "insufficient_scope")
    assert ours.role_of(charlie) is None


def test_who_comes_back_brings_no_old_key(product: Product) -> None:
    ours = team()
    call(product, ours.bob, "POST", f"{ours.path}/leave")
    # As if they had made it while they were being removed.
    api_keys.create(workspace_id=ours.workspace.pk, user_id=ours.bob.user.pk, name="late", at=now())
    invite(product, ours, ours.bob.user.email)

    assert accept(product, ours.bob, key_to(ours.bob.user.email)).status_code == 200

    assert ApiKey.objects.get(workspace=ours.workspace, name="late").revoked_at


# Revoking


def test_a_revoked_invitation_is_shown_as_such(product: Product) -> None:
    ours = team()
    invitation = invite(product, ours, address())

    call(product, ours.alice, "DELETE", f"{ours.path}/invitations/{invitation.pk}")

    [shown] = call(product, ours.alice, "GET", f"{ours.path}/invitations").json()["results"]
    assert shown["state"] == "revoked"
    assert AuditEntry.objects.filter(action="invitation.revoked", workspace=ours.workspace).count() == 1


def test_an_accepted_invitation_is_not_revoked(product: Product, charlie: Person) -> None:
    ours, email = team(), address()
    invitation = invite(product, ours, email)
    accept(product, charlie, key_to(email))

    call(product, ours.alice, "DELETE", f"{ours.path}/invitations/{invitation.pk}")

    invitation.refresh_from_db()
    assert invitation.revoked_at is None
    assert ours.role_of(charlie) == "member"


def test_an_invitation_of_another_workspace_is_not_there(product: Product, charlie: Person) -> None:
    ours = team()
    invitation = invite(product, ours, address())

    answer = call(product, charlie, "DELETE", f"{WORKSPACES}/{charlie.workspace.pk}/invitations/{invitation.pk}")

    assert answer.status_code == 404
    invitation.refresh_from_db()
    assert invitation.revoked_at is None


def test_no_row_holds_the_key_of_an_invitation(product: Product) -> None:
    ours, email = team(), address()
    invitation = invite(product, ours, email)
    key = key_to(email)

    log = repr(AuditEntry.objects.filter(workspace=ours.workspace).values())
    rows = [Invitation.objects.filter(pk=invitation.pk).values(), Letter.objects.filter(to=email).values()]
    assert key not in repr(rows) + log
    assert email not in log
