"""What changes a way in takes a fresh proof, and nobody's but one's own session, as long as it lives."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils.timezone import now

from accounts import tokens
from accounts.factors.sessions import FamilySession
from accounts.models import TokenFamily, User
from accounts.tests.factories import PASSWORD, Person
from accounts.tests.ways_in import AUTH, Browser, app_of, grow_old, half_signed_in, recovery_codes_of, signed_in

CHANGES = [
    ("GET", "authenticators/totp"),
    ("GET", "authenticators/passkeys"),
]
REMOVALS = [
    ("DELETE", "authenticators/totp"),
    ("POST", "authenticators/recovery-codes"),
    ("GET", "authenticators/passkeys"),
]
MANAGING = [
    ("GET", "authenticators"),
    ("GET", "authenticators/totp"),
    ("POST", "authenticators/totp"),
    ("DELETE", "authenticators/totp"),
    ("GET", "authenticators/recovery-codes"),
    ("POST", "authenticators/recovery-codes"),
    ("GET", "authenticators/passkeys"),
    ("POST", "authenticators/passkeys"),
    ("PATCH", "authenticators/passkeys/1"),
    ("DELETE", "authenticators/passkeys/1"),
    ("POST", "reauthenticate"),
    ("POST", "reauthenticate/2fa"),
    ("GET", "reauthenticate/passkey"),
    ("POST", "reauthenticate/passkey"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_an_old_log_in_is_not_enough(alice: Person, method: str, path: str) -> None:
    me = signed_in(alice.user)
    grow_old(alice.user)

    answer = me.ask(method, path)

    assert (answer.status_code, answer.json()["code"]) == (401, "reauthentication_required")
    assert answer.json()["reauthenticate"] == [f"{AUTH}/reauthenticate"]


@pytest.mark.parametrize(("method", "path"), REMOVALS)
def test_who_has_a_second_factor_proves_that_one(alice: Person, method: str, path: str) -> None:
    app_of(alice.user)
    me = signed_in(alice.user)
    grow_old(alice.user)

    answer = me.ask(method, path)

    assert (answer.status_code, answer.json()["code"]) == (401, "reauthentication_required")
    assert answer.json()["reauthenticate"] == [f"{AUTH}/reauthenticate/2fa"]
    assert Authenticator.objects.filter(user=alice.user).count() == 2


def test_the_password_proves_who_has_no_second_factor(alice: Person) -> None:
    me = signed_in(alice.user)
    grow_old(alice.user)

    assert me.ask("POST", "reauthenticate", {"password": "not this one, surely"}).status_code == 400
    assert me.ask("GET", "authenticators/totp").status_code == 401
    assert me.ask("POST", "reauthenticate", {"password": PASSWORD}).status_code == 204
    assert me.ask("GET", "authenticators/totp").status_code == 200


def test_the_password_does_not_prove_who_has_one(alice: Person) -> None:
    app_of(alice.user)
    me = signed_in(alice.user)
    grow_old(alice.user)

    answer = me.ask("POST", "reauthenticate", {"password": PASSWORD})

    assert (answer.status_code, answer.json()["code"]) == (401, "reauthentication_required")
    assert me.ask("DELETE", "authenticators/totp").status_code == 401


def test_a_code_proves_it(alice: Person) -> None:
    app = app_of(alice.user)
    me = signed_in(alice.user)
    grow_old(alice.user)

    assert me.ask("POST", "reauthenticate/2fa", {"code": app.wrong_code()}).status_code == 400
    assert me.ask("DELETE", "authenticators/totp").status_code == 401
    assert me.ask("POST", "reauthenticate/2fa", {"code": app.code()}).status_code == 204
    assert me.ask("DELETE", "authenticators/totp").status_code == 204


def test_a_proof_is_good_in_the_session_that_gave_it_alone(alice: Person) -> None:
    me, other = signed_in(alice.user), signed_in(alice.user)
    grow_old(alice.user)

    me.ask("POST", "reauthenticate", {"password": PASSWORD})

    assert me.ask("GET", "authenticators/totp").status_code == 200
    assert other.ask("GET", "authenticators/totp").status_code == 401


def test_who_has_neither_password_nor_factor_signs_in_again(alice: Person) -> None:
    alice.user.set_unusable_password()
    alice.user.save()
    me = signed_in(alice.user)
    assert me.ask("GET", "authenticators/totp").status_code == 200
    grow_old(alice.user)

    answer = me.ask("GET", "authenticators/totp")

    assert (answer.status_code, answer.json()["reauthenticate"]) == (401, [])


def test_guessing_the_password_there_is_guarded(alice: Person) -> None:
    me = signed_in(alice.user)
    wrong = {"password": "not this one, surely"}

    answers = [me.ask("POST", "reauthenticate", wrong).status_code for _ in range(12)]

    assert answers == [400] * 10 + [429] * 2


def test_guessing_codes_there_is_guarded(alice: Person) -> None:
    app = app_of(alice.user)
    me = signed_in(alice.user)

    answers = [me.ask("POST", "reauthenticate/2fa", {"code": app.wrong_code()}).status_code for _ in range(7)]

    assert answers == [400] * 5 + [429] * 2


@pytest.mark.parametrize(("method", "path"), MANAGING)
def test_an_api_key_looks_after_nobody_s_ways_in(alice: Person, method: str, path: str) -> None:
    answer = Browser(access=alice.api_key).ask(method, path, {})

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(("method", "path"), MANAGING)
def test_nobody_gets_in_without_a_token(database: None, method: str, path: str) -> None:
    answer = Browser().ask(method, path, {})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(("method", "path"), MANAGING)
def test_nobody_gets_in_who_is_half_way_through_a_log_in(alice: Person, method: str, path: str) -> None:
    app_of(alice.user)

    assert half_signed_in(alice.user).ask(method, path, {}).status_code == 401


@pytest.mark.parametrize(("method", "path"), MANAGING)
def test_a_family_that_ended_is_worth_nothing(alice: Person, method: str, path: str) -> None:
    app_of(alice.user)
    me = signed_in(alice.user)
    me.ask("POST", "reauthenticate/2fa", {"code": recovery_codes_of(alice.user)[0]})
    tokens.end_all(alice.user.pk, because="revoked", at=now())

    answer = me.ask(method, path, {})

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


def test_the_session_of_a_family_that_ended_is_empty_and_keeps_nothing(alice: Person) -> None:
    family = TokenFamily.objects.create(user=alice.user, current_jti="1", expires_at=now())
    TokenFamily.objects.filter(pk=family.pk).update(ended_at=now())
    session = FamilySession(str(family.pk))

    assert dict(session.items()) == {}


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "authenticators/passkeys/{}"), ("DELETE", "authenticators/passkeys/{}")]
)
def test_the_passkey_of_somebody_else_is_not_there(alice: Person, charlie: Person, method: str, path: str) -> None:
    theirs = Authenticator.objects.create(user=charlie.user, type="webauthn", data={"name": "Phone", "credential": {}})

    answer = signed_in(alice.user).ask(method, path.format(theirs.pk), {"name": "Mine"})

    assert answer.status_code == 404
    theirs.refresh_from_db()
    assert theirs.data["name"] == "Phone"


# ---- what is no session token ---------------------------------------------------------------------------------------


def forged(user: User) -> dict[str, str]:
    """Tokens that would be somebody, were anything in them believed."""
    pair = tokens.begin_family(user)
    claims = jwt.decode(pair.access, options={"verify_signature": False})
    console = SessionStore()
    console["_auth_user_id"] = str(user.pk)
    console.save()
    marked = SessionStore()
    marked["unfinished_log_in"] = True
    marked["_auth_user_id"] = str(user.pk)
    marked.save()
    return {
        "an access token": pair.access,
        "a refresh token": pair.refresh,
        "alg none": jwt.encode(claims, "", algorithm="none"),
        "another key": jwt.encode(claims, "another key of some length, at least 32", algorithm="HS256"),
        "the secret key": jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256"),
        "a family": claims["family"],
        "a session of the console": str(console.session_key),
        "a session that is signed in": str(marked.session_key),
        "nothing that exists": "zyppx895cb7x9juudjjlxu3ju3j5kbos",
        "short": "x",
        "long": "x" * 5000,
        "not latin": "\u00fc" * 32,
    }


FORGED = ["an access token", "a refresh token", "alg none", "another key", "the secret key", "a family"]
FORGED += [
    "a session of the console",
    "a session that is signed in",
    "nothing that exists",
    "short",
    "long",
    "not latin",
]


@pytest.mark.parametrize("kind", FORGED)
@pytest.mark.parametrize(("method", "path"), [("POST", "2fa"), ("GET", "2fa/passkey"), ("GET", "passkey")])
def test_what_is_no_session_token_is_refused(alice: Person, kind: str, method: str, path: str) -> None:
    app = app_of(alice.user)

    answer = Browser(session=forged(alice.user)[kind]).ask(method, path, {"code": app.code()})

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


@pytest.mark.parametrize("kind", ["a refresh token", "alg none", "another key", "the secret key", "a family"])
def test_what_is_no_access_token_manages_nothing(alice: Person, kind: str) -> None:
    answer = Browser(access=forged(alice.user)[kind]).ask("GET", "authenticators")

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


def test_a_session_token_is_no_access_token(alice: Person) -> None:
    app_of(alice.user)

    assert Browser(access=half_signed_in(alice.user).session).ask("GET", "me").status_code == 401


def test_a_session_token_is_no_cookie(alice: Person) -> None:
    app_of(alice.user)
    User.objects.filter(pk=alice.user.pk).update(is_staff=True, is_superuser=True)
    browser = Client()
    browser.cookies["sessionid"] = half_signed_in(alice.user).session

    assert browser.get("/admin/").status_code == 302
    assert browser.get(f"{AUTH}/me").status_code == 401


def test_a_body_that_is_not_json_is_refused(alice: Person) -> None:
    app_of(alice.user)
    half: Any = half_signed_in(alice.user)
    headers = {"x-session-token": half.session}

    as_form = Client().post(f"{AUTH}/2fa", {"code": "1"}, headers=headers)
    broken = Client().post(f"{AUTH}/2fa", "{", content_type="application/json", headers=headers)
    a_list = Client().post(f"{AUTH}/2fa", "[]", content_type="application/json", headers=headers)

    assert [as_form.status_code, broken.status_code, a_list.status_code] == [415, 400, 400]
    assert broken.json()["code"] == a_list.json()["code"] == "malformed_body"
