"""API keys: shown once, kept as a hash, gone when revoked."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx2
import pytest
from django.db import connection

from accounts import tokens
from accounts.api_keys import MARK, PREFIX_LENGTH
from accounts.models import ApiKey, Membership, User
from accounts.tests.factories import Person
from config.tests.product import Product

KEYS = "/api/v1/auth/api-keys"


def create(product: Product, person: Person, name: str = "laptop") -> dict[str, Any]:
    answer = product.http.post(KEYS, headers=person.headers, json={"name": name})
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json()
    return made


def revoke(product: Product, person: Person, key_id: object) -> httpx2.Response:
    return product.http.delete(f"{KEYS}/{key_id}", headers=person.headers)


def me(product: Product, **headers: str) -> httpx2.Response:
    return product.http.get("/api/v1/auth/me", headers=headers)


def test_a_new_key_is_shown(product: Product, alice: Person) -> None:
    made = create(product, alice, "laptop")

    assert made["key"].startswith(MARK)
    assert made["key"].startswith(made["prefix"])
    assert len(made["prefix"]) == PREFIX_LENGTH
    assert (made["name"], made["revoked_at"]) == ("laptop", None)


def test_a_key_is_shown_only_once(product: Product, alice: Person) -> None:
    made = create(product, alice)

    listed = product.http.get(KEYS, headers=alice.headers)

    assert made["key"] not in listed.text
    assert hashlib.sha256(made["key"].encode()).hexdigest() not in listed.text
    assert "key" not in listed.json()["results"][0]


def test_only_a_hash_of_a_key_is_kept(product: Product, alice: Person) -> None:
    made = create(product, alice)

    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM accounts_apikey k WHERE id = %s", [made["id"]])
        [kept] = cursor.fetchone()
    assert made["key"][PREFIX_LENGTH:] not in kept
    assert hashlib.sha256(made["key"].encode()).hexdigest() in kept


def test_two_keys_are_not_alike(product: Product, alice: Person) -> None:
    assert create(product, alice)["key"] != create(product, alice)["key"]


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_a_key_is_taken_from_either_header(product: Product, alice: Person, header: str) -> None:
    said = alice.api_key if header == "x-api-key" else f"Bearer {alice.api_key}"

    assert me(product, **{header: said}).json()["email"] == alice.user.email


def test_the_scheme_is_read_in_any_case(product: Product, alice: Person) -> None:
    assert me(product, authorization=f"bearer {alice.api_key}").status_code == 200


def test_a_revoked_key_is_refused_at_once(product: Product, alice: Person) -> None:
    made = create(product, alice)
    assert me(product, **{"x-api-key": made["key"]}).status_code == 200

    assert revoke(product, alice, made["id"]).status_code == 204

    refused = me(product, **{"x-api-key": made["key"]})
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")


@pytest.mark.parametrize("path", ["/v1/models", "/api/v1/quotas/usage", "/api/v1/assistants/models"])
def test_a_revoked_key_is_refused_on_every_road(product: Product, alice: Person, path: str) -> None:
    made = create(product, alice)
    revoke(product, alice, made["id"])

    assert product.http.get(path, headers={"x-api-key": made["key"]}).status_code == 401


def test_a_revoked_key_is_still_listed(product: Product, alice: Person) -> None:
    made = create(product, alice)
    revoke(product, alice, made["id"])

    listed = product.http.get(KEYS, headers=alice.headers).json()["results"]

    assert next(key for key in listed if key["id"] == made["id"])["revoked_at"]


def test_revoking_twice_keeps_the_first_moment(product: Product, alice: Person) -> None:
    made = create(product, alice)
    revoke(product, alice, made["id"])
    first = ApiKey.objects.get(pk=made["id"]).revoked_at

    assert revoke(product, alice, made["id"]).status_code == 204
    assert ApiKey.objects.get(pk=made["id"]).revoked_at == first


def test_another_s_key_cannot_be_revoked(product: Product, alice: Person, charlie: Person) -> None:
    answer = revoke(product, charlie, alice.caller.key_id)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert me(product, **alice.headers).status_code == 200


def test_another_s_keys_are_not_listed(product: Product, alice: Person, charlie: Person) -> None:
    create(product, alice)

    listed = product.http.get(KEYS, headers=charlie.headers).json()["results"]

    assert [key["id"] for key in listed] == [str(charlie.caller.key_id)]


def test_the_newest_key_is_listed_first(product: Product, alice: Person) -> None:
    made = [create(product, alice, name)["id"] for name in ("first", "second")]

    listed = product.http.get(KEYS, headers=alice.headers).json()["results"]

    assert [key["id"] for key in listed] == [*reversed(made), str(alice.caller.key_id)]


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"name": "a" * 101}])
def test_a_key_needs_a_name(product: Product, alice: Person, body: dict[str, object]) -> None:
    answer = product.http.post(KEYS, headers=alice.headers, json=body)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["name"]


def test_a_key_nobody_made_is_refused(product: Product) -> None:
    assert me(product, **{"x-api-key": f"{MARK}{'a' * 43}"}).status_code == 401


def test_a_key_goes_with_its_owner(product: Product, alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_active=False)

    assert me(product, **alice.headers).status_code == 401


def test_a_key_goes_with_the_membership(product: Product, alice: Person) -> None:
    Membership.objects.filter(user=alice.user).delete()

    assert me(product, **alice.headers).status_code == 401


def test_a_key_outlives_a_log_out(product: Product, alice: Person) -> None:
    pair = tokens.begin_family(alice.user)
    product.http.post("/api/v1/auth/logout", json={"refresh": pair.refresh})

    assert me(product, **alice.headers).status_code == 200
