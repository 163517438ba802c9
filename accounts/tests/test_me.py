"""Who you are, and what of it you may change."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEntry, User, Workspace
from accounts.tests.factories import PASSWORD, Person
from config.tests.product import Product

ME = "/api/v1/auth/me"


def test_it_says_who_you_are(product: Product, alice: Person) -> None:
    answer = product.http.get(ME, headers=alice.headers)

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(alice.user.pk),
        "email": alice.user.email,
        "email_verified": True,
        "name": "Alice",
        "phone": "",
        "phone_verified": False,
        "business_name": "",
        "industry": "",
        "sub_industry": "",
        "core_processes": [],
        "monthly_revenue": None,
        "currency": "USD",
        "employees": None,
        "goal_amount": None,
        "goal_years": None,
        "is_staff": False,
        "workspace_id": str(alice.workspace.pk),
        "time_zone": "UTC",
        "created_at": answer.json()["created_at"],
        "acting_workspace_id": str(alice.workspace.pk),
        "role": "owner",
        "scopes": ["admin", "billing", "chat", "read"],
    }


def test_you_may_change_your_name(product: Product, alice: Person) -> None:
    answer = product.http.patch(ME, headers=alice.session, json={"name": "Alicia"})

    assert (answer.status_code, answer.json()["name"]) == (200, "Alicia")
    assert User.objects.get(pk=alice.user.pk).name == "Alicia"


def test_a_change_of_nothing_changes_nothing(product: Product, alice: Person) -> None:
    before = User.objects.filter(pk=alice.user.pk).values().get()

    assert product.http.patch(ME, headers=alice.session, json={}).status_code == 200
    assert User.objects.filter(pk=alice.user.pk).values().get() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "00000000-0000-4000-8000-000000000000"),
        ("email", "taken@example.com"),
        ("email_verified_at", "2000-01-01T00:00:00Z"),
        ("email_verified", False),
        ("phone_verified", True),
        ("password", f"{PASSWORD} anew"),
        ("is_staff", True),
        ("is_superuser", True),
        ("is_active", False),
        ("created_at", "2000-01-01T00:00:00Z"),
        ("last_login", "2000-01-01T00:00:00Z"),
        ("groups", [1]),
        ("user_permissions", [1]),
        ("workspace_id", "00000000-0000-4000-8000-000000000000"),
        ("time_zone", "Asia/Tokyo"),
        ("personal_workspace", {"time_zone": "Asia/Tokyo"}),
    ],
)
def test_nothing_else_can_be_changed(product: Product, alice: Person, field: str, value: Any) -> None:
    def rows() -> tuple[object, object]:
        user, workspace = User.objects.filter(pk=alice.user.pk), Workspace.objects.filter(pk=alice.workspace.pk)
        return user.values().get(), workspace.values().get()

    before = rows()

    product.http.patch(ME, headers=alice.session, json={field: value})

    assert rows() == before


@pytest.mark.parametrize("name", [None, "a" * 151, [], {}])
def test_a_bad_name_is_refused(product: Product, alice: Person, name: object) -> None:
    answer = product.http.patch(ME, headers=alice.session, json={"name": name})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["name"]


def test_one_person_cannot_change_another(product: Product, alice: Person, charlie: Person) -> None:
    product.http.patch(ME, headers=charlie.session, json={"name": "Mallory", "id": str(alice.user.pk)})

    assert User.objects.get(pk=alice.user.pk).name == "Alice"


def test_a_key_does_not_change_the_person_behind_it(product: Product, alice: Person) -> None:
    answer = product.http.patch(ME, headers=alice.headers, json={"name": "Mallory"})

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert User.objects.get(pk=alice.user.pk).name == "Alice"


def test_a_new_phone_number_is_not_verified(product: Product, alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(phone="+4915112345678", phone_verified=True)

    same = product.http.patch(ME, headers=alice.session, json={"phone": "+4915112345678"}).json()
    other = product.http.patch(ME, headers=alice.session, json={"phone": "+4915187654321"}).json()

    assert (same["phone_verified"], other["phone_verified"]) == (True, False)


def test_a_change_is_in_the_audit_log_without_what_was_told(product: Product, alice: Person) -> None:
    product.http.patch(ME, headers=alice.session, json={"business_name": "canary"})

    line = AuditEntry.objects.get(actor=alice.user, action="profile.changed")
    assert line.after == {"fields": ["business_name"]}
