"""Signing up: a person, a workspace of their own, a pair of tokens."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from django.contrib.auth.hashers import check_password
from django.db import IntegrityError
from django.utils.timezone import now

from accounts import backends, registration
from accounts.errors import InvalidCredentials
from accounts.hashers import Argon2id
from accounts.models import Membership, User
from accounts.tests.factories import PASSWORD, Person
from billing import subscriptions
from config import settings as products
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


def test_the_product_s_own_hashes_cost_what_owasp_asks_for() -> None:
    assert products.PASSWORD_HASHERS == ["accounts.hashers.Argon2id"]
    assert Argon2id().encode(PASSWORD, "a salt of many letters").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_password_is_in_no_answer(product: Product) -> None:
    answer = sign_up(product)

    assert PASSWORD not in answer.text
    assert "argon2" not in answer.text


# Whether an address has an account


def shape(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is different in every one."""
    told = {"id", "email", "workspace_id", "created_at"}
    return {name: value for name, value in answer["user"].items() if name not in told}


def log_in(product: Product, email: str, password: str) -> httpx2.Response:
    return product.http.post("/api/v1/auth/login", json={"email": email, "password": password})


@pytest.mark.parametrize("spelled", [str.lower, str.upper])
def test_an_address_with_an_owner_gets_the_same_answer_as_any(
    product: Product, alice: Person, spelled: Callable[[str], str]
) -> None:
    taken, free = sign_up(product, email=spelled(alice.user.email)), sign_up(product)

    assert taken.status_code == free.status_code == 201
    assert shape(taken.json()) == shape(free.json())


def test_a_claim_gets_nothing_of_the_owner_s(product: Product, alice: Person) -> None:
    claim = sign_up(product, email=alice.user.email).json()["user"]

    assert claim["id"] != str(alice.user.pk)
    assert claim["workspace_id"] != str(alice.workspace.pk)
    assert claim["email_verified"] is False


def test_an_owner_and_a_claim_each_sign_in_with_their_own_password(product: Product, alice: Person) -> None:
    claim = sign_up(product, email=alice.user.email, password="mallory's own words").json()["user"]

    assert log_in(product, alice.user.email, PASSWORD).json()["user"]["id"] == str(alice.user.pk)
    assert log_in(product, alice.user.email, "mallory's own words").json()["user"]["id"] == claim["id"]


def test_an_owner_who_has_the_same_password_as_a_claim_is_the_one_who_signs_in(product: Product, alice: Person) -> None:
    sign_up(product, email=alice.user.email, password=PASSWORD)

    assert log_in(product, alice.user.email, PASSWORD).json()["user"]["id"] == str(alice.user.pk)


@pytest.mark.parametrize("people", ["nobody", "an owner", "a claim", "both"])
def test_two_passwords_are_compared_whoever_there_is(
    alice: Person, monkeypatch: pytest.MonkeyPatch, people: str
) -> None:
    email = new_email() if people in ("nobody", "a claim") else alice.user.email
    if people in ("a claim", "both"):
        registration.register(email=email, password=PASSWORD, at=now())
    compared = []

    def counting(password: str, encoded: str) -> bool:
        compared.append(encoded)
        return check_password(password, encoded)

    monkeypatch.setattr(backends, "check_password", counting)

    with pytest.raises(InvalidCredentials):
        backends.named_by(email, "not the password")

    assert len(compared) == 2


def test_an_address_has_one_owner_in_any_case(alice: Person) -> None:
    claim = registration.register(email=alice.user.email.upper(), password=PASSWORD, at=now())

    with pytest.raises(IntegrityError, match="one_owner_per_email"):
        User.objects.filter(pk=claim.pk).update(email_verified_at=now())


# The profile

PROFILE = {
    "name": "Ada",
    "phone": "+4915112345678",
    "business_name": "Engines & Sons",
    "industry": "Manufacturing",
    "sub_industry": "Machines",
    "core_processes": ["Design", "Punching cards"],
    "monthly_revenue": 1_250_000,
    "currency": "EUR",
    "employees": 12,
    "goal_amount": 100_000_000,
    "goal_years": 5,
}


def test_it_takes_what_people_tell_of_themselves(product: Product) -> None:
    told = sign_up(product, **PROFILE).json()["user"]

    assert {name: told[name] for name in PROFILE} == PROFILE
    assert told["phone_verified"] is False


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "0151 12345678"),
        ("phone", "+49151<script>"),
        ("core_processes", "Design"),
        ("core_processes", ["x" * 101]),
        ("core_processes", ["x"] * 51),
        ("monthly_revenue", -1),
        ("monthly_revenue", 2**63),
        ("monthly_revenue", 12.5),
        ("currency", "euro"),
        ("employees", -1),
        ("employees", "many"),
        ("goal_amount", 2**63),
        ("goal_years", 101),
    ],
)
def test_what_cannot_be_told_is_named(product: Product, field: str, value: object) -> None:
    answer = sign_up(product, **{field: value})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


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


def test_the_longest_address_is_no_trouble(product: Product) -> None:
    email = f"{uuid.uuid4().hex}@{'.'.join(['a' * 60] * 3)}.example"

    answer = sign_up(product, email=email, name="")

    assert answer.status_code == 201
    assert Membership.objects.get(user=answer.json()["user"]["id"]).workspace.name == email[:150]
