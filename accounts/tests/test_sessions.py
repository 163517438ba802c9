"""Where somebody is signed in, and how they end that."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.utils.timezone import now

from accounts.models import TokenFamily
from accounts.tests.asking import AUTH, log_in, signed_in
from accounts.tests.factories import Person
from config.tests.product import Product


def test_it_lists_where_somebody_is_signed_in_newest_first(product: Product, alice: Person) -> None:
    laptop, phone = signed_in(product, alice.user), signed_in(product, alice.user)

    answer = phone.ask("GET", "sessions")

    assert answer.status_code == 200
    assert [row["current"] for row in answer.json()["results"]] == [True, False]
    assert [row["current"] for row in laptop.ask("GET", "sessions").json()["results"]] == [False, True]


def test_a_row_says_from_where_with_what_and_until_when(product: Product, alice: Person) -> None:
    answer = product.http.post(
        f"{AUTH}/login",
        headers={"user-agent": "Netscape/4.0"},
        json={"email": alice.user.email, "password": "correct horse battery"},
    )
    access = answer.json()["access"]

    [row] = product.http.get(f"{AUTH}/sessions", headers={"authorization": f"Bearer {access}"}).json()["results"]

    assert (row["ip"], row["user_agent"], row["is_staff"]) == ("127.0.0.1", "Netscape/4.0", False)
    assert set(row) == {
        "id", "created_at", "refreshed_at", "expires_at", "ip", "user_agent", "is_staff", "current",
    }  # fmt: skip


def test_a_user_agent_without_end_is_cut(product: Product, alice: Person) -> None:
    body = {"email": alice.user.email, "password": "correct horse battery"}
    product.http.post(f"{AUTH}/login", headers={"user-agent": "x" * 5_000}, json=body)

    assert len(TokenFamily.objects.get(user=alice.user).user_agent) == 300


def test_sessions_that_ended_or_ran_out_are_not_listed(product: Product, alice: Person) -> None:
    ended, old, me = (signed_in(product, alice.user) for _ in range(3))
    first, second, _ = TokenFamily.objects.filter(user=alice.user).order_by("created_at")
    TokenFamily.objects.filter(pk=first.pk).update(ended_at=now())
    TokenFamily.objects.filter(pk=second.pk).update(expires_at=now() - timedelta(seconds=1))

    assert len(me.ask("GET", "sessions").json()["results"]) == 1
    assert not ended.is_in
    assert old


def test_it_goes_on_by_cursor(product: Product, alice: Person) -> None:
    me = [signed_in(product, alice.user) for _ in range(5)][-1]

    first = me.ask("GET", "sessions?page_size=2").json()
    second = product.http.get(first["next"], headers={"authorization": f"Bearer {me.pair.access}"}).json()

    seen = [row["id"] for row in first["results"] + second["results"]]
    assert len(set(seen)) == 4


def test_a_session_can_be_ended(product: Product, alice: Person) -> None:
    lost, me = signed_in(product, alice.user), signed_in(product, alice.user)
    [other] = [row["id"] for row in me.ask("GET", "sessions").json()["results"] if not row["current"]]

    answer = me.ask("DELETE", f"sessions/{other}")

    assert answer.status_code == 204
    assert not lost.is_in
    assert me.is_in
    assert TokenFamily.objects.get(pk=other).ended_because == "revoked"


def test_a_session_cannot_be_ended_twice(product: Product, alice: Person) -> None:
    signed_in(product, alice.user)
    me = signed_in(product, alice.user)
    [other] = [row["id"] for row in me.ask("GET", "sessions").json()["results"] if not row["current"]]
    me.ask("DELETE", f"sessions/{other}")

    assert me.ask("DELETE", f"sessions/{other}").status_code == 404


def test_anothers_session_is_neither_seen_nor_ended(product: Product, alice: Person, charlie: Person) -> None:
    hers, his = signed_in(product, alice.user), signed_in(product, charlie.user)
    session = TokenFamily.objects.get(user=alice.user)

    answer = his.ask("DELETE", f"sessions/{session.pk}")

    assert (answer.status_code, his.ask("DELETE", f"sessions/{uuid.uuid4()}").status_code) == (404, 404)
    assert len(his.ask("GET", "sessions").json()["results"]) == 1
    assert hers.is_in


def test_logging_out_everywhere_ends_all_of_them_and_leaves_api_keys(product: Product, alice: Person) -> None:
    laptop, phone = signed_in(product, alice.user), signed_in(product, alice.user)

    assert laptop.ask("POST", "logout-everywhere").status_code == 204

    assert not laptop.is_in
    assert not phone.is_in
    assert product.http.get(f"{AUTH}/me", headers=alice.headers).status_code == 200
    assert log_in(product, alice.user.email).status_code == 200


def test_logging_out_everywhere_leaves_others_signed_in(product: Product, alice: Person, charlie: Person) -> None:
    his = signed_in(product, charlie.user)

    signed_in(product, alice.user).ask("POST", "logout-everywhere")

    assert his.is_in


def test_an_api_key_sees_no_sessions(product: Product, alice: Person) -> None:
    answer = product.http.get(f"{AUTH}/sessions", headers=alice.headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
