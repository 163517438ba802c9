"""What an API key may do: never more than its owner, for how long, and under which secret."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.utils.timezone import now

from accounts import callers
from accounts.meters import OwnLimit
from accounts.models import ApiKey, AuditEntry, Membership
from accounts.tests.factories import Person
from config.tests.product import Product

KEYS = "/api/v1/auth/api-keys"
CONVERSATIONS = "/api/v1/assistants/conversations"


def create(product: Product, person: Person, **powers: Any) -> httpx2.Response:
    return product.http.post(KEYS, headers=person.session, json={"name": "laptop", **powers})


def made(product: Product, person: Person, **powers: Any) -> dict[str, Any]:
    answer = create(product, person, **powers)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def rotate(product: Product, person: Person, key_id: str, seconds: int) -> dict[str, Any]:
    answer = product.http.post(f"{KEYS}/{key_id}/rotate", headers=person.session, json={"overlap_seconds": seconds})
    assert answer.status_code == 200, answer.text
    rotated: dict[str, Any] = answer.json()
    return rotated


def status(product: Product, key: str, path: str = "/api/v1/auth/me", method: str = "GET") -> int:
    body: dict[str, Any] | None = None if method == "GET" else {}
    return product.http.request(method, path, headers={"x-api-key": key}, json=body).status_code


# Scopes


def test_a_key_may_chat_and_read_where_nothing_is_said(product: Product, alice: Person) -> None:
    assert made(product, alice)["scopes"] == ["chat", "read"]


@pytest.mark.parametrize(
    ("scopes", "reads", "writes", "looks_after_keys"),
    [
        (["read"], 200, 403, 403),
        (["chat"], 403, 201, 403),
        (["read", "admin"], 200, 403, 200),
        (["billing"], 403, 403, 403),
        (["chat", "read", "billing", "admin"], 200, 201, 200),
    ],
)
def test_a_key_may_do_what_its_scopes_say_and_nothing_else(
    product: Product, alice: Person, scopes: list[str], reads: int, writes: int, looks_after_keys: int
) -> None:
    key = made(product, alice, scopes=scopes)["key"]

    assert status(product, key, CONVERSATIONS) == reads
    assert status(product, key, CONVERSATIONS, "POST") == writes
    assert status(product, key, KEYS) == looks_after_keys


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/chat/completions"])
def test_a_key_that_only_reads_does_not_talk_to_models(product: Product, alice: Person, path: str) -> None:
    key = made(product, alice, scopes=["read"])["key"]

    assert status(product, key, path, "POST") == 403


def test_a_refused_key_is_told_what_it_takes(product: Product, alice: Person) -> None:
    key = made(product, alice, scopes=["read"])["key"]

    answer = product.http.post(CONVERSATIONS, headers={"x-api-key": key}, json={})

    assert answer.json()["code"] == "insufficient_scope"
    assert "chat" in answer.json()["detail"]


def test_a_key_gives_no_key_more_than_it_has(product: Product, alice: Person) -> None:
    key = made(product, alice, scopes=["read", "admin"])["key"]

    answer = product.http.post(KEYS, headers={"x-api-key": key}, json={"name": "more", "scopes": ["billing"]})

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_a_key_takes_itself_no_more_than_it_has(product: Product, alice: Person) -> None:
    key = made(product, alice, scopes=["admin"])

    answer = product.http.patch(f"{KEYS}/{key['id']}", headers={"x-api-key": key["key"]}, json={"scopes": ["chat"]})

    assert answer.status_code == 403
    assert ApiKey.objects.get(pk=key["id"]).scopes == ["admin"]


def test_a_person_gives_a_key_no_more_than_their_role(product: Product, alice: Person) -> None:
    Membership.objects.filter(user=alice.user).update(role="member")

    assert create(product, alice, scopes=["chat", "read"]).status_code == 201
    assert create(product, alice, scopes=["admin"]).status_code == 403


def test_a_key_loses_what_its_owner_s_role_loses(product: Product, alice: Person) -> None:
    key = made(product, alice)["key"]
    Membership.objects.filter(user=alice.user).update(role="viewer")

    assert status(product, key, CONVERSATIONS) == 200
    assert status(product, key, CONVERSATIONS, "POST") == 403


# Limits, models, expiry


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scopes", []),
        ("scopes", ["root"]),
        ("scopes", "chat"),
        ("limits", {"tokens-day": -1}),
        ("limits", {"tokens-day": 2**63}),
        ("limits", {"tokens-day": "many"}),
        ("limits", {"tokens": 5}),
        ("limits", {"tokens-year": 5}),
        ("limits", [5]),
        ("allowed_models", "claude"),
        ("allowed_models", ["x" * 81]),
        ("expires_at", "2000-01-01T00:00:00Z"),
        ("expires_at", "tomorrow"),
    ],
)
def test_what_a_key_cannot_have_is_named(product: Product, alice: Person, field: str, value: object) -> None:
    answer = create(product, alice, **{field: value})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_a_caller_brings_the_limits_and_models_of_their_key(product: Product, alice: Person) -> None:
    key = made(product, alice, limits={"tokens-day": 7}, allowed_models=["claude-haiku-5-5"])

    caller = callers.identify({"x-api-key": key["key"]})

    assert [(limit.holder, limit.meter, limit.window, limit.limit) for limit in caller.limits] == [
        ("key", "tokens", "day", 7)
    ]
    assert caller.allowed_models == ("claude-haiku-5-5",)


def test_a_caller_brings_the_limits_of_their_membership(alice: Person) -> None:
    Membership.objects.filter(user=alice.user).update(limits={"requests-month": 9})

    for headers in (alice.headers, alice.session):
        assert callers.identify(headers).limits == (OwnLimit("member", alice.user.pk, "requests", "month", 9),)


def test_an_expired_key_is_refused(product: Product, alice: Person) -> None:
    key = made(product, alice, expires_at=(now() + timedelta(hours=1)).isoformat())
    assert status(product, key["key"]) == 200

    ApiKey.objects.filter(pk=key["id"]).update(expires_at=now())

    assert status(product, key["key"]) == 401


# Change


def test_a_key_can_be_changed_by_its_owner(product: Product, alice: Person) -> None:
    key = made(product, alice)

    answer = product.http.patch(
        f"{KEYS}/{key['id']}", headers=alice.session, json={"name": "desk", "limits": {"tokens-day": 5}}
    )

    assert (answer.json()["name"], answer.json()["limits"]) == ("desk", {"tokens-day": 5})
    assert product.http.get(f"{KEYS}/{key['id']}", headers=alice.session).json() == answer.json()


@pytest.mark.parametrize("field", ["id", "prefix", "hash", "workspace_id", "user_id", "revoked_at", "former_hash"])
def test_nothing_else_of_a_key_can_be_changed(product: Product, alice: Person, charlie: Person, field: str) -> None:
    key = made(product, alice)
    before = ApiKey.objects.filter(pk=key["id"]).values().get()
    forged = {"workspace_id": str(charlie.workspace.pk), "user_id": str(charlie.user.pk)}.get(field, "x" * 36)

    product.http.patch(f"{KEYS}/{key['id']}", headers=alice.session, json={field: forged})

    assert ApiKey.objects.filter(pk=key["id"]).values().get() == before


# Rotation


def test_both_secrets_are_good_during_the_overlap(product: Product, alice: Person) -> None:
    old = made(product, alice)

    new = rotate(product, alice, old["id"], 3600)

    assert new["id"] == old["id"]
    assert status(product, old["key"]) == status(product, new["key"]) == 200
    assert callers.identify({"x-api-key": old["key"]}) == callers.identify({"x-api-key": new["key"]})


def test_the_former_secret_ends_with_the_overlap(product: Product, alice: Person) -> None:
    old = made(product, alice)

    new = rotate(product, alice, old["id"], 0)

    assert (status(product, old["key"]), status(product, new["key"])) == (401, 200)


def test_a_second_rotation_ends_the_first_secret(product: Product, alice: Person) -> None:
    first = made(product, alice)
    second = rotate(product, alice, first["id"], 3600)
    third = rotate(product, alice, first["id"], 3600)

    assert [status(product, key["key"]) for key in (first, second, third)] == [401, 200, 200]


def test_a_revoked_key_is_refused_under_both_secrets(product: Product, alice: Person) -> None:
    old = made(product, alice)
    new = rotate(product, alice, old["id"], 3600)

    product.http.delete(f"{KEYS}/{old['id']}", headers=alice.session)

    assert status(product, old["key"]) == status(product, new["key"]) == 401


def test_a_revoked_key_is_not_rotated(product: Product, alice: Person) -> None:
    key = made(product, alice)
    product.http.delete(f"{KEYS}/{key['id']}", headers=alice.session)

    answer = product.http.post(f"{KEYS}/{key['id']}/rotate", headers=alice.session, json={})

    assert answer.status_code == 404


# Use, and leaks


def test_a_key_remembers_when_it_was_used(product: Product, alice: Person) -> None:
    key = made(product, alice)
    assert key["last_used_at"] is None

    status(product, key["key"])

    used = ApiKey.objects.get(pk=key["id"]).last_used_at
    assert used
    assert now() - used < timedelta(minutes=1)


def test_a_second_use_in_the_same_minute_writes_nothing(product: Product, alice: Person) -> None:
    key = made(product, alice)
    status(product, key["key"])
    first = ApiKey.objects.filter(pk=key["id"]).extra(select={"version": "xmin::text"}).values("version").get()

    status(product, key["key"])

    assert ApiKey.objects.filter(pk=key["id"]).extra(select={"version": "xmin::text"}).values("version").get() == first


def test_a_use_a_minute_later_is_written(product: Product, alice: Person) -> None:
    key = made(product, alice)
    long_ago = now() - timedelta(minutes=2)
    ApiKey.objects.filter(pk=key["id"]).update(last_used_at=long_ago)

    status(product, key["key"])

    assert ApiKey.objects.get(pk=key["id"]).last_used_at > long_ago  # type: ignore[operator]


@pytest.mark.parametrize("length", [17, 54])
def test_a_leaked_key_is_found_by_how_it_begins(product: Product, alice: Person, length: int) -> None:
    key = made(product, alice)

    found = product.http.get(KEYS, headers=alice.session, params={"prefix": key["key"][:length]}).json()["results"]

    assert [row["id"] for row in found] == [key["id"]]


def test_a_leaked_former_secret_is_found_too(product: Product, alice: Person) -> None:
    key = made(product, alice)
    rotate(product, alice, key["id"], 3600)

    found = product.http.get(KEYS, headers=alice.session, params={"prefix": key["key"]}).json()["results"]

    assert [row["id"] for row in found] == [key["id"]]


def test_every_change_of_a_key_is_in_the_audit_log(product: Product, alice: Person) -> None:
    key = made(product, alice)
    product.http.patch(f"{KEYS}/{key['id']}", headers=alice.session, json={"name": "desk"})
    rotate(product, alice, key["id"], 0)
    product.http.delete(f"{KEYS}/{key['id']}", headers=alice.session)

    lines = AuditEntry.objects.filter(subject=f"apikey:{key['id']}").order_by("id")
    assert [line.action for line in lines] == [
        "api_key.created",
        "api_key.changed",
        "api_key.rotated",
        "api_key.revoked",
    ]
    assert {line.actor_id for line in lines} == {alice.user.pk}
    assert {line.ip for line in lines} == {"127.0.0.1"}
    assert key["key"] not in str(list(lines.values()))


# What a key is not a way around


def test_a_narrow_key_does_not_rotate_a_wider_one(product: Product, alice: Person) -> None:
    wide = made(product, alice, scopes=["chat", "read", "admin"])
    narrow = made(product, alice, scopes=["admin"])["key"]

    answer = product.http.post(f"{KEYS}/{wide['id']}/rotate", headers={"x-api-key": narrow}, json={})

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_who_manages_a_workspace_does_not_take_over_another_s_key(
    product: Product, alice: Person, charlie: Person
) -> None:
    Membership.objects.create(workspace=alice.workspace, user=charlie.user, role="admin")
    key = made(product, alice)

    answer = product.http.post(
        f"{KEYS}/{key['id']}/rotate",
        headers=charlie.session | {"x-workspace": str(alice.workspace.pk)},
        json={},
    )

    assert answer.status_code == 404
    assert status(product, key["key"]) == 200


@pytest.mark.parametrize("bound", [{"limits": {"tokens-day": 5}}, {"allowed_models": ["claude-haiku-5-5"]}])
def test_a_bounded_key_makes_no_key(product: Product, alice: Person, bound: dict[str, Any]) -> None:
    bounded = made(product, alice, scopes=["read", "admin"], **bound)["key"]

    answer = product.http.post(KEYS, headers={"x-api-key": bounded}, json={"name": "free", "scopes": ["read"]})

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_a_key_that_is_revoked_while_it_is_rotated_stays_revoked(product: Product, alice: Person) -> None:
    for _ in range(4):
        key = made(product, alice)
        address, session = f"{KEYS}/{key['id']}", alice.session

        def rotated(_: int, address: str = address, session: dict[str, str] = session) -> str | None:
            answer = product.http.post(f"{address}/rotate", headers=session, json={})
            return str(answer.json()["key"]) if answer.status_code == 200 else None

        with ThreadPoolExecutor(8) as crowd:
            rotations = [crowd.submit(rotated, turn) for turn in range(6)]
            revoked = crowd.submit(product.http.delete, address, headers=session)
        assert revoked.result().status_code == 204
        assert ApiKey.objects.get(pk=key["id"]).revoked_at
        assert {status(product, found) for turn in rotations if (found := turn.result())} <= {401}
