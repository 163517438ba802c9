"""Signing up: a person, a workspace of their own, a pair of tokens."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest

from accounts import registration
from accounts.errors import EmailTaken
from accounts.models import Membership, User
from accounts.tests.factories import PASSWORD, Person
from billing import subscriptions
from config.tests.product import Product


def new_email() -> str:
    return f"{uuid.uuid4()}@example.com"


def sign_up(product: Product, **change: Any) -> httpx2.Response:
    body = {"email": new_email(), "password": PASSWORD, "name": "Alice"}
    return product.http.post("/api/v1/auth/register", json=body | change)


def test_it_answers_with_both_tokens_and_the_person(product: Product) -> None:
    answer = sign_up(product, name="Alice")

    assert answer.status_code == 201
    assert list(answer.json()) == ["access", "refresh", "user"]
    assert answer.json()["user"]["name"] == "Alice"
    assert answer.json()["user"]["is_staff"] is False


def test_it_gives_a_workspace_that_the_person_owns(product: Product) -> None:
    answer = sign_up(product).json()["user"]

    membership = Membership.objects.get(user=answer["id"])
    assert str(membership.workspace_id) == answer["workspace_id"]
    assert membership.role == Membership.Role.OWNER


def test_a_newcomer_is_on_the_free_plan(product: Product) -> None:
    answer = sign_up(product).json()["user"]

    assert subscriptions.current_plan(answer["workspace_id"]).slug == "free"


def test_its_access_token_is_good_at_once(product: Product) -> None:
    access = sign_up(product).json()["access"]

    answer = product.http.get("/api/v1/auth/me", headers={"authorization": f"Bearer {access}"})

    assert answer.status_code == 200


def test_the_password_is_kept_as_argon2(alice: Person) -> None:
    kept = User.objects.get(pk=alice.user.pk).password

    assert kept.startswith("argon2$argon2id$")
    assert PASSWORD not in kept


def test_the_password_is_in_no_answer(product: Product) -> None:
    answer = sign_up(product)

    assert PASSWORD not in answer.text
    assert "argon2" not in answer.text


def test_an_email_that_is_taken_is_refused(product: Product, alice: Person) -> None:
    answer = sign_up(product, email=alice.user.email)

    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


def test_an_email_is_taken_in_any_case(product: Product, alice: Person) -> None:
    assert sign_up(product, email=alice.user.email.upper()).status_code == 409


def test_nothing_is_left_of_a_sign_up_that_was_refused(alice: Person) -> None:
    with pytest.raises(EmailTaken):
        registration.register(email=alice.user.email, password=PASSWORD, name="Mallory")

    assert not User.objects.filter(name="Mallory", email__iexact=alice.user.email).exists()
    assert Membership.objects.filter(user=alice.user).count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", ""),
        ("email", None),
        ("email", f"{'a' * 250}@example.com"),
        ("password", "short"),
        ("password", "password123"),
        ("password", "314159265358979"),
        ("password", "a" * 201),
        ("password", ["correct horse battery"]),
        ("name", "a" * 151),
    ],
)
def test_a_bad_field_is_named(product: Product, field: str, value: object) -> None:
    answer = sign_up(product, **{field: value})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_a_password_like_the_email_is_refused(product: Product) -> None:
    email = new_email()

    assert "similar" in sign_up(product, email=email, password=email).json()["errors"]["password"][0]


def test_spaces_at_the_ends_of_a_password_count(product: Product) -> None:
    email = new_email()
    sign_up(product, email=email, password=f" {PASSWORD} ")

    answer = product.http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})

    assert answer.status_code == 401


@pytest.mark.parametrize("field", ["is_staff", "is_superuser", "is_active", "id", "created_at", "workspace_id"])
def test_what_is_not_asked_for_is_not_taken(product: Product, field: str) -> None:
    forged = {"is_active": False}.get(field, True if field.startswith("is_") else str(uuid.uuid4()))

    answer = sign_up(product, **{field: forged}).json()["user"]

    kept = User.objects.get(pk=answer["id"])
    assert (kept.is_staff, kept.is_superuser, kept.is_active) == (False, False, True)
    assert forged not in (answer["id"], answer["created_at"], answer["workspace_id"])
