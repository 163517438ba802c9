"""Who you are, and what of it you may change."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User, Workspace
from accounts.tests.factories import PASSWORD, Person
from config.tests.product import Product

ME = "/api/v1/auth/me"


def test_it_says_who_you_are(product: Product, alice: Person) -> None:
    answer = product.http.get(ME, headers=alice.headers)

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(alice.user.pk),
        "email": alice.user.email,
        "name": "Alice",
        "is_staff": False,
        "workspace_id": str(alice.workspace.pk),
        "time_zone": "UTC",
        "created_at": answer.json()["created_at"],
    }


def test_you_may_change_your_name(product: Product, alice: Person) -> None:
    answer = product.http.patch(ME, headers=alice.headers, json={"name": "Alicia"})

    assert (answer.status_code, answer.json()["name"]) == (200, "Alicia")
    assert User.objects.get(pk=alice.user.pk).name == "Alicia"


def test_a_change_of_nothing_changes_nothing(product: Product, alice: Person) -> None:
    before = User.objects.filter(pk=alice.user.pk).values().get()

    assert product.http.patch(ME, headers=alice.headers, json={}).status_code == 200
    assert User.objects.filter(pk=alice.user.pk).values().get() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "00000000-0000-4000-8000-000000000000"),
        ("email", "taken@example.com"),
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

    product.http.patch(ME, headers=alice.headers, json={field: value})

    assert rows() == before


@pytest.mark.parametrize("name", [None, "a" * 151, [], {}])
def test_a_bad_name_is_refused(product: Product, alice: Person, name: object) -> None:
    answer = product.http.patch(ME, headers=alice.headers, json={"name": name})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["name"]


def test_one_person_cannot_change_another(product: Product, alice: Person, charlie: Person) -> None:
    product.http.patch(ME, headers=charlie.headers, json={"name": "Mallory", "id": str(alice.user.pk)})

    assert User.objects.get(pk=alice.user.pk).name == "Alice"
