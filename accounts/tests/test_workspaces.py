"""Workspaces are made, renamed, switched to and deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils.timezone import now

from accounts import api_keys, callers, tokens, workspaces
from accounts.api_keys import Powers
from accounts.audit import SYSTEM
from accounts.errors import InvalidCredentials, TooManyWorkspaces
from accounts.models import ApiKey, AuditEntry, Invitation, Membership, TokenFamily, User, Workspace
from accounts.tests.factories import Person
from accounts.tests.teams import ROLES, WORKSPACES, as_role, call, said, team
from accounts.tests.ways_in import in_console
from config.tests.product import Product
from quotas.models import Decision

ME = "/api/v1/auth/me"


def row(workspace: Workspace) -> dict[str, Any]:
    return dict(Workspace.objects.filter(pk=workspace.pk).values().get())


# Making


def test_who_makes_a_workspace_owns_it(product: Product, alice: Person) -> None:
    answer = call(product, alice, "POST", WORKSPACES, name="Acme", time_zone="Asia/Tokyo")

    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == {
        "id": made["id"],
        "name": "Acme",
        "email": alice.user.email,
        "time_zone": "Asia/Tokyo",
        "personal": False,
        "role": "owner",
        "created_at": made["created_at"],
    }
    assert call(product, alice, "GET", f"{WORKSPACES}/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "x" * 151), ("email", "nobody"), ("time_zone", "Mars/Olympus"), ("time_zone", "localtime")],
)
def test_what_a_workspace_cannot_have_is_named(product: Product, alice: Person, field: str, value: str) -> None:
    answer = call(product, alice, "POST", WORKSPACES, **{"name": "Acme", field: value})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


@pytest.mark.parametrize("field", ["id", "personal_to", "personal_to_id", "created_at", "deleted_at", "members"])
def test_nothing_else_of_a_workspace_can_be_chosen(
    product: Product, alice: Person, charlie: Person, field: str
) -> None:
    answer = call(product, alice, "POST", WORKSPACES, **{"name": "Acme", field: str(charlie.user.pk)})

    made = Workspace.objects.get(pk=answer.json()["id"])
    assert str(made.pk) != str(charlie.user.pk)
    assert (made.personal_to, made.deleted_at) == (None, None)
    assert [member.user for member in made.memberships.all()] == [alice.user]


def test_a_person_makes_no_more_than_a_few_workspaces_a_day(product: Product, alice: Person) -> None:
    answers = [call(product, alice, "POST", WORKSPACES, name="Acme") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [201] * 5 + [429]
    assert answers[-1].headers["retry-after"]


def test_a_person_owns_no_more_than_they_may(alice: Person) -> None:
    for _ in range(settings.WORKSPACES_OWNED - 1):
        workspaces.create(alice.user.pk, name="Acme", by=SYSTEM, at=now())

    with pytest.raises(TooManyWorkspaces):
        workspaces.create(alice.user.pk, name="Acme", by=SYSTEM, at=now())


# Listing


def test_a_person_is_shown_their_workspaces_and_no_others(product: Product, charlie: Person) -> None:
    ours = team("viewer")

    listed = call(product, ours.bob, "GET", WORKSPACES).json()["results"]

    assert [(found["id"], found["role"], found["personal"]) for found in listed] == [
        (str(ours.workspace.pk), "viewer", False),
        (str(ours.bob.workspace.pk), "owner", True),
    ]


def test_a_key_sees_its_own_workspace_alone(product: Product) -> None:
    ours = team()

    listed = product.http.get(WORKSPACES, headers=ours.bob.headers).json()["results"]

    assert [found["id"] for found in listed] == [str(ours.bob.workspace.pk)]


def test_a_key_reaches_no_other_workspace_of_its_owner_s(product: Product) -> None:
    ours = team("admin")

    for path in (ours.path, f"{ours.path}/members", f"{ours.path}/invitations", f"{ours.path}/audit-log"):
        assert said(product.http.get(path, headers=ours.bob.headers)) == (404, "workspace_not_found")


@pytest.mark.parametrize(("scope", "status"), [("admin", 200), ("read", 403), ("chat", 403), ("billing", 403)])
def test_a_key_looks_after_its_workspace_only_where_it_may_manage(
    product: Product, alice: Person, scope: str, status: int
) -> None:
    _, key = api_keys.create(
        workspace_id=alice.workspace.pk, user_id=alice.user.pk, name="key", powers=Powers([scope]), at=now()
    )

    for path in ("", "/members", "/invitations", "/audit-log"):
        answer = product.http.get(f"{WORKSPACES}/{alice.workspace.pk}{path}", headers={"x-api-key": key})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("DELETE", "/{id}"), ("POST", "/{id}/transfer"), ("POST", "/{id}/switch")]
)
def test_a_key_does_not_do_what_only_people_do(product: Product, alice: Person, method: str, path: str) -> None:
    path = path.replace("{id}", str(alice.workspace.pk))

    answer = product.http.request(method, WORKSPACES + path, headers=alice.headers, json={"name": "Acme"})

    assert said(answer) == (403, "insufficient_scope")


# Renaming


@pytest.mark.parametrize("role", ROLES)
def test_who_manages_a_workspace_renames_it(product: Product, role: str) -> None:
    ours, who = as_role(role)

    answer = call(product, who, "PATCH", ours.path, name="Emca", email="bills@example.com")

    if role in ("owner", "admin"):
        assert (answer.json()["name"], answer.json()["email"]) == ("Emca", "bills@example.com")
        assert (row(ours.workspace)["name"], row(ours.workspace)["email"]) == ("Emca", "bills@example.com")
    else:
        assert said(answer) == (403, "insufficient_scope")
        assert row(ours.workspace)["name"] == "Acme"


def test_the_role_in_the_workspace_that_is_named_counts(product: Product) -> None:
    ours = team("viewer")
    headers = ours.bob.session | {"x-workspace": str(ours.bob.workspace.pk)}

    answer = product.http.patch(ours.path, headers=headers, json={"name": "Mallory's"})

    assert said(answer) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "00000000-0000-4000-8000-000000000000"),
        ("personal_to", None),
        ("role", "owner"),
        ("members", []),
        ("created_at", "2000-01-01T00:00:00Z"),
        ("deleted_at", "2000-01-01T00:00:00Z"),
    ],
)
def test_nothing_else_of_a_workspace_can_be_changed(product: Product, field: str, value: object) -> None:
    ours = team("admin")
    before = row(ours.workspace)

    call(product, ours.bob, "PATCH", ours.path, **{field: value})

    assert row(ours.workspace) == before
    assert ours.role_of(ours.bob) == "admin"


def test_a_time_zone_is_changed_once_a_month(product: Product) -> None:
    ours = team()

    answers = [
        call(product, ours.alice, "PATCH", ours.path, time_zone=zone)
        for zone in ("UTC", "Asia/Tokyo", "Asia/Tokyo", "America/Lima")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert row(ours.workspace)["time_zone"] == "Asia/Tokyo"


def test_a_change_is_in_the_audit_log_with_what_was_before(product: Product) -> None:
    ours = team()

    call(product, ours.alice, "PATCH", ours.path, name="Emca")

    line = AuditEntry.objects.get(action="workspace.changed", workspace=ours.workspace)
    assert (line.actor, line.before["name"], line.after["name"]) == (ours.alice.user, "Acme", "Emca")
    assert line.after["fields"] == ["name"]


# Switching


def test_a_session_is_switched_to_another_workspace_and_stays_there(product: Product) -> None:
    ours = team("viewer")
    pair = tokens.begin_family(ours.bob.user)

    answer = product.http.post(f"{ours.path}/switch", headers={"authorization": f"Bearer {pair.access}"})

    _, renewed = tokens.rotate(pair.refresh, at=now())
    for access in (answer.json()["access"], renewed.access):
        assert callers.identify({"authorization": f"Bearer {access}"}).workspace_id == ours.workspace.pk


def test_a_session_of_the_console_is_not_switched(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_staff=True)

    answer = in_console(alice.user).post(f"{WORKSPACES}/{alice.workspace.pk}/switch")

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


def test_a_staff_token_is_not_switched(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_staff=True)
    alice.user.refresh_from_db()
    tokens.begin_staff(alice.user)

    with pytest.raises(InvalidCredentials):
        tokens.switch(TokenFamily.objects.get(user=alice.user).pk, alice.workspace)


# Deleting


@pytest.mark.parametrize("role", ROLES)
def test_only_its_owner_deletes_a_workspace(product: Product, role: str) -> None:
    ours, who = as_role(role)

    answer = call(product, who, "DELETE", ours.path)

    if role == "owner":
        assert answer.status_code == 204
        assert row(ours.workspace)["deleted_at"]
    else:
        assert said(answer) == (403, "owner_only")
        assert ours.role_of(ours.bob) == role


def test_a_personal_workspace_is_not_deleted(product: Product, alice: Person) -> None:
    answer = call(product, alice, "DELETE", f"{WORKSPACES}/{alice.workspace.pk}")

    assert said(answer) == (409, "personal_workspace")
    assert product.http.get(ME, headers=alice.headers).status_code == 200


def test_nobody_gets_into_a_deleted_workspace_with_whatever_they_have(product: Product) -> None:
    ours = team("admin")
    _, key = api_keys.create(workspace_id=ours.workspace.pk, user_id=ours.bob.user.pk, name="key", at=now())
    pair = tokens.begin_family(ours.bob.user)
    switched = product.http.post(f"{ours.path}/switch", headers={"authorization": f"Bearer {pair.access}"}).json()
    call(product, ours.alice, "POST", f"{ours.path}/invitations", email="dave@example.com")

    call(product, ours.alice, "DELETE", ours.path)

    assert product.http.get(ME, headers={"x-api-key": key}).status_code == 401
    assert ApiKey.objects.get(workspace=ours.workspace).revoked_at
    for headers in (
        {"authorization": f"Bearer {switched['access']}"},
        ours.bob.session | {"x-workspace": str(ours.workspace.pk)},
    ):
        assert said(product.http.get(ME, headers=headers)) == (404, "workspace_not_found")
    for who in (ours.alice, ours.bob):
        assert said(call(product, who, "GET", ours.path)) == (404, "workspace_not_found")
    assert Invitation.objects.get(workspace=ours.workspace).revoked_at


def test_a_session_that_was_in_a_deleted_workspace_is_back_in_its_own_after_a_refresh(product: Product) -> None:
    ours = team("admin")
    pair = tokens.begin_family(ours.bob.user)
    product.http.post(f"{ours.path}/switch", headers={"authorization": f"Bearer {pair.access}"})

    call(product, ours.alice, "DELETE", ours.path)

    _, renewed = tokens.rotate(pair.refresh, at=now())
    assert callers.identify({"authorization": f"Bearer {renewed.access}"}).workspace_id == ours.bob.workspace.pk


def test_what_a_deleted_workspace_did_is_kept(product: Product) -> None:
    ours = team()
    Decision.objects.create(
        request_id=f"req_{uuid4().hex}",
        workspace=ours.workspace,
        admitted=True,
        plan="free",
        limits=[],
        created_at=now(),
    )

    call(product, ours.alice, "DELETE", ours.path)

    assert Decision.objects.filter(workspace=ours.workspace).exists()
    actions = set(AuditEntry.objects.filter(workspace=ours.workspace).values_list("action", flat=True))
    assert {"workspace.created", "membership.ended", "workspace.deleted"} <= actions
    assert not Membership.objects.filter(workspace=ours.workspace).exists()
