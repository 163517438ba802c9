"""Who belongs to a workspace: roles, own limits, leaving, and giving it to another."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts import api_keys, callers
from accounts.meters import OwnLimit
from accounts.models import ApiKey, AuditEntry, Invitation, Membership
from accounts.tests.factories import Person
from accounts.tests.teams import ROLES, WORKSPACES, Team, as_role, call, said, team
from config.tests.product import Product

GIVEN = ["admin", "member", "viewer"]


def key_of(who: Person, ours: Team) -> ApiKey:
    return api_keys.create(workspace_id=ours.workspace.pk, user_id=who.user.pk, name="key", at=now())[0]


def member_row(who: Person, ours: Team) -> dict[str, Any]:
    return dict(Membership.objects.filter(workspace=ours.workspace, user=who.user).values().get())


# Seeing


@pytest.mark.parametrize("role", ROLES)
def test_every_member_sees_who_belongs_to_it(product: Product, role: str) -> None:
    ours, who = as_role(role)

    listed = call(product, who, "GET", f"{ours.path}/members").json()["results"]

    assert {(member["user_id"], member["email"]) for member in listed} == {
        (str(somebody.user.pk), somebody.user.email) for somebody in (ours.alice, ours.bob)
    }
    assert set(listed[0]) == {"user_id", "name", "email", "email_verified", "role", "limits", "created_at"}


def test_members_come_page_by_page(product: Product) -> None:
    ours = team()
    path = f"{ours.path}/members?page_size=1"

    first = call(product, ours.alice, "GET", path).json()
    second = product.http.get(first["next"], headers=ours.alice.session).json()

    assert [page["results"][0]["name"] for page in (first, second)] == ["Bob", "Alice"]
    assert second["next"] is None


# Changing


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("role", ROLES)
def test_who_manages_gives_roles(product: Product, charlie: Person, role: str, given: str) -> None:
    ours, who = as_role(role)
    ours.join(charlie, "member")

    answer = call(product, who, "PATCH", ours.member(charlie), role=given)

    if role in ("owner", "admin"):
        assert answer.json()["role"] == ours.role_of(charlie) == given
    else:
        assert said(answer) == (403, "insufficient_scope")
        assert ours.role_of(charlie) == "member"


def test_nobody_is_made_owner_by_a_change_of_role(product: Product) -> None:
    ours = team("admin")

    for who in (ours.alice, ours.bob):
        assert call(product, who, "PATCH", ours.member(ours.bob), role="owner").status_code == 400
    assert ours.role_of(ours.bob) == "admin"


def test_the_owner_s_role_changes_only_by_a_transfer(product: Product) -> None:
    ours = team()

    assert said(call(product, ours.alice, "PATCH", ours.member(ours.alice), role="admin")) == (409, "owner_stays")
    assert ours.role_of(ours.alice) == "owner"


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"limits": {"tokens-day": 0}}, {}])
def test_an_admin_does_not_touch_the_owner(product: Product, change: dict[str, Any]) -> None:
    ours = team("admin")
    before = member_row(ours.alice, ours)

    assert said(call(product, ours.bob, "PATCH", ours.member(ours.alice), **change)) == (403, "owner_only")
    assert said(call(product, ours.bob, "DELETE", ours.member(ours.alice))) == (409, "owner_stays")
    assert member_row(ours.alice, ours) == before


def test_a_member_is_given_limits_of_their_own(product: Product) -> None:
    ours = team()

    answer = call(product, ours.alice, "PATCH", ours.member(ours.bob), limits={"tokens-day": 7})

    assert answer.json()["limits"] == {"tokens-day": 7}
    caller = callers.identify(ours.bob.session | {"x-workspace": str(ours.workspace.pk)})
    assert caller.limits == (OwnLimit("member", ours.bob.user.pk, "tokens", "day", 7),)


@pytest.mark.parametrize("limits", [{"tokens-year": 5}, {"tokens-day": -1}, {"tokens-day": "many"}, [5], None])
def test_what_is_no_limit_is_refused(product: Product, limits: object) -> None:
    ours = team()

    answer = call(product, ours.alice, "PATCH", ours.member(ours.bob), limits=limits)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["limits"])


@pytest.mark.parametrize("field", ["id", "user", "user_id", "workspace", "workspace_id", "created_at", "email"])
def test_nothing_else_of_a_membership_can_be_changed(product: Product, charlie: Person, field: str) -> None:
    ours = team()
    before = member_row(ours.bob, ours)

    call(product, ours.alice, "PATCH", ours.member(ours.bob), **{field: str(charlie.user.pk)})

    assert member_row(ours.bob, ours) == before


def test_a_change_of_role_counts_from_the_next_request_on(product: Product) -> None:
    ours = team("admin")
    session = ours.bob.session

    call(product, ours.alice, "PATCH", ours.member(ours.bob), role="viewer")

    answer = product.http.patch(ours.path, headers=session, json={"name": "Bob's"})
    assert said(answer) == (403, "insufficient_scope")


def test_who_manages_no_more_invites_no_more(product: Product) -> None:
    ours = team("admin")
    call(product, ours.bob, "POST", f"{ours.path}/invitations", email="dave@example.com", role="admin")

    call(product, ours.alice, "PATCH", ours.member(ours.bob), role="member")

    assert Invitation.objects.get(workspace=ours.workspace).revoked_at


def test_a_change_is_in_the_audit_log(product: Product) -> None:
    ours = team()

    call(product, ours.alice, "PATCH", ours.member(ours.bob), role="viewer", limits={"tokens-day": 5})

    line = AuditEntry.objects.get(action="membership.changed", workspace=ours.workspace)
    about = {"user_id": str(ours.bob.user.pk)}
    assert line.before == about | {"role": "member", "limits": {}}
    assert line.after == about | {"role": "viewer", "limits": {"tokens-day": 5}}
    assert line.actor == ours.alice.user


# Who is not there


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_who_does_not_belong_to_it_is_no_member(product: Product, charlie: Person, method: str) -> None:
    ours = team()

    for path in (ours.member(charlie), f"{ours.path}/members/{uuid4()}"):
        assert said(call(product, ours.alice, method, path, role="viewer")) == (404, "member_not_found")
    assert Membership.objects.filter(user=charlie.user).count() == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/switch"),
        ("POST", "/leave"),
        ("POST", "/transfer"),
        ("GET", "/members"),
        ("PATCH", "/members/{bob}"),
        ("DELETE", "/members/{bob}"),
        ("GET", "/invitations"),
        ("POST", "/invitations"),
        ("DELETE", "/invitations/{bob}"),
        ("GET", "/audit-log"),
    ],
)
def test_an_outsider_finds_nothing_there(product: Product, charlie: Person, method: str, path: str) -> None:
    ours = team()
    path = path.replace("{bob}", str(ours.bob.user.pk))
    body = {"name": "Mallory's", "role": "viewer", "email": charlie.user.email, "user_id": str(charlie.user.pk)}

    for headers in (charlie.session, charlie.headers):
        theirs = product.http.request(method, ours.path + path, headers=headers, json=body)
        unknown = product.http.request(method, f"{WORKSPACES}/{uuid4()}{path}", headers=headers, json=body)
        assert said(theirs) == said(unknown)
        assert said(theirs) in [(404, "workspace_not_found"), (403, "insufficient_scope")]
    assert said(call(product, charlie, method, ours.path + path, **body)) == (404, "workspace_not_found")
    assert (ours.role_of(ours.alice), ours.role_of(ours.bob), ours.role_of(charlie)) == ("owner", "member", None)


# Leaving


@pytest.mark.parametrize("role", GIVEN)
def test_who_leaves_is_gone_with_their_keys(product: Product, role: str) -> None:
    ours = team(role)
    theirs, others, elsewhere = key_of(ours.bob, ours), key_of(ours.alice, ours), ours.bob.caller.key_id

    assert call(product, ours.bob, "POST", f"{ours.path}/leave").status_code == 204

    assert ours.role_of(ours.bob) is None
    revoked = ApiKey.objects.filter(pk__in=[theirs.pk, others.pk, elsewhere], revoked_at__isnull=False)
    assert list(revoked) == [theirs]
    assert AuditEntry.objects.get(action="api_key.revoked", workspace=ours.workspace).actor == ours.bob.user
    line = AuditEntry.objects.get(action="membership.ended", workspace=ours.workspace)
    assert (line.actor, line.before["user_id"], line.before["role"]) == (ours.bob.user, str(ours.bob.user.pk), role)


def test_the_owner_does_not_leave(product: Product) -> None:
    ours = team()

    assert said(call(product, ours.alice, "POST", f"{ours.path}/leave")) == (409, "owner_stays")
    assert ours.role_of(ours.alice) == "owner"


@pytest.mark.parametrize("role", ROLES)
def test_who_manages_removes_members(product: Product, charlie: Person, role: str) -> None:
    ours, who = as_role(role)
    ours.join(charlie, "admin")
    key = key_of(charlie, ours)

    answer = call(product, who, "DELETE", ours.member(charlie))

    key.refresh_from_db()
    if role in ("owner", "admin"):
        assert (answer.status_code, ours.role_of(charlie)) == (204, None)
        assert key.revoked_at
    else:
        assert said(answer) == (403, "insufficient_scope")
        assert (ours.role_of(charlie), key.revoked_at) == ("admin", None)


# Transfer


@pytest.mark.parametrize("role", ROLES)
def test_only_the_owner_gives_a_workspace_to_another(product: Product, role: str) -> None:
    ours, who = as_role(role)

    answer = call(product, who, "POST", f"{ours.path}/transfer", user_id=str(ours.bob.user.pk))

    if role == "owner":
        assert answer.json()["role"] == "admin"
        assert (ours.role_of(ours.alice), ours.role_of(ours.bob)) == ("admin", "owner")
        line = AuditEntry.objects.get(action="workspace.transferred", workspace=ours.workspace)
        assert line.before == {"owner_id": str(ours.alice.user.pk)}
        assert line.after == {"owner_id": str(ours.bob.user.pk)}
    else:
        assert said(answer) == (403, "owner_only")
        assert (ours.role_of(ours.alice), ours.role_of(ours.bob)) == ("owner", role)


def test_a_workspace_is_given_to_no_outsider(product: Product, charlie: Person) -> None:
    ours = team()

    answer = call(product, ours.alice, "POST", f"{ours.path}/transfer", user_id=str(charlie.user.pk))

    assert said(answer) == (404, "member_not_found")
    assert ours.role_of(ours.alice) == "owner"


def test_a_personal_workspace_is_given_to_nobody(product: Product, alice: Person, charlie: Person) -> None:
    Membership.objects.create(workspace=alice.workspace, user=charlie.user)
    path = f"{WORKSPACES}/{alice.workspace.pk}/transfer"

    assert said(call(product, alice, "POST", path, user_id=str(charlie.user.pk))) == (409, "personal_workspace")


def test_the_database_allows_one_owner(alice: Person, charlie: Person) -> None:
    with pytest.raises(IntegrityError, match="one_owner_per_workspace"), transaction.atomic():
        Membership.objects.create(workspace=alice.workspace, user=charlie.user, role="owner")
