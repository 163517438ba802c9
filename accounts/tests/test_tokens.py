"""Logging in, refreshing and logging out; and every token that is refused."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import jwt
import pytest
from django.conf import settings
from django.utils.timezone import now
from rest_framework_simplejwt.settings import api_settings

from accounts import callers, registration, tokens
from accounts.backends import named_by
from accounts.callers import STAFF
from accounts.errors import InvalidCredentials
from accounts.models import TokenFamily, User
from accounts.tests.factories import PASSWORD, Person, UserFactory
from accounts.tests.ways_in import app_of, half_signed_in
from accounts.tokens import Pair
from config.tests.product import Product

AT_ONCE = 20


def log_in(product: Product, email: str, password: str = PASSWORD) -> httpx2.Response:
    return product.http.post("/api/v1/auth/login", json={"email": email, "password": password})


def refresh(product: Product, token: str) -> httpx2.Response:
    return product.http.post("/api/v1/auth/refresh", json={"refresh": token})


def log_out(product: Product, token: str) -> httpx2.Response:
    return product.http.post("/api/v1/auth/logout", json={"refresh": token})


def me(product: Product, access: str) -> httpx2.Response:
    return product.http.get("/api/v1/auth/me", headers={"authorization": f"Bearer {access}"})


def family_of(person: Person) -> TokenFamily:
    return TokenFamily.objects.get(user=person.user)


@pytest.fixture
def pair(alice: Person) -> Pair:
    return tokens.begin_family(alice.user)


# Logging in


def test_a_log_in_answers_with_both_tokens_and_the_person(product: Product, alice: Person) -> None:
    answer = log_in(product, alice.user.email)

    assert answer.status_code == 200
    assert list(answer.json()) == ["access", "refresh", "user"]
    assert answer.json()["user"]["email"] == alice.user.email


def test_an_email_is_read_in_any_case(product: Product, alice: Person) -> None:
    assert log_in(product, alice.user.email.upper()).status_code == 200


def test_a_wrong_password_and_an_unknown_email_get_the_same_answer(product: Product, alice: Person) -> None:
    wrong = log_in(product, alice.user.email, "not the password")
    unknown = log_in(product, "nobody@example.com")

    assert wrong.status_code == unknown.status_code == 401
    assert [wrong.json()[name] for name in ("code", "detail")] == [unknown.json()[name] for name in ("code", "detail")]


def test_who_is_not_active_cannot_log_in(product: Product, alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_active=False)

    assert log_in(product, alice.user.email).status_code == 401


def test_a_letter_that_only_looks_alike_is_another_email(alice: Person) -> None:
    registration.register(email=f"mi{alice.user.email}", password=PASSWORD, at=now())
    registration.register(email=f"mı{alice.user.email}", password=PASSWORD, at=now())  # noqa: RUF001

    assert named_by(f"mi{alice.user.email}", PASSWORD).email == f"mi{alice.user.email}"


# Refreshing


def test_a_refresh_gives_a_new_pair(product: Product, pair: Pair) -> None:
    renewed = refresh(product, pair.refresh)

    assert renewed.status_code == 200
    assert renewed.json()["refresh"] != pair.refresh
    assert me(product, renewed.json()["access"]).status_code == 200


def test_a_new_refresh_token_goes_on(product: Product, pair: Pair) -> None:
    second = refresh(product, pair.refresh).json()["refresh"]
    third = refresh(product, second).json()["refresh"]

    assert refresh(product, third).status_code == 200


def test_a_refresh_token_used_20_times_at_once_succeeds_once_and_ends_the_family(
    product: Product, alice: Person, pair: Pair
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as crowd:
        answers = list(crowd.map(lambda _: refresh(product, pair.refresh), range(AT_ONCE)))

    assert sorted(answer.status_code for answer in answers) == [200] + [401] * (AT_ONCE - 1)
    assert family_of(alice).ended_because == "reuse"
    [renewed] = [answer.json() for answer in answers if answer.status_code == 200]
    assert refresh(product, renewed["refresh"]).status_code == 401
    assert me(product, renewed["access"]).status_code == 401


def test_a_refresh_token_replayed_later_ends_the_family(product: Product, alice: Person, pair: Pair) -> None:
    renewed = refresh(product, pair.refresh).json()

    replayed = refresh(product, pair.refresh)

    assert (replayed.status_code, replayed.json()["code"]) == (401, "invalid_credentials")
    assert me(product, renewed["access"]).status_code == refresh(product, renewed["refresh"]).status_code == 401
    assert family_of(alice).ended_because == "reuse"


def test_another_log_in_outlives_a_family_that_ended(product: Product, alice: Person, pair: Pair) -> None:
    other = tokens.begin_family(alice.user)
    refresh(product, pair.refresh)
    refresh(product, pair.refresh)

    assert me(product, other.access).status_code == 200
    assert refresh(product, other.refresh).status_code == 200


def test_who_is_not_active_cannot_refresh(alice: Person, pair: Pair) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_active=False)

    with pytest.raises(InvalidCredentials):
        tokens.rotate(pair.refresh, at=now())


# Logging out


def test_a_log_out_ends_access_too(product: Product, alice: Person, pair: Pair) -> None:
    assert log_out(product, pair.refresh).status_code == 204

    assert me(product, pair.access).status_code == 401
    assert refresh(product, pair.refresh).status_code == 401
    assert family_of(alice).ended_because == "logout"


def test_a_log_out_leaves_the_other_log_ins(product: Product, alice: Person, pair: Pair) -> None:
    other = tokens.begin_family(alice.user)
    log_out(product, pair.refresh)

    assert me(product, other.access).status_code == 200


def test_a_second_log_out_is_refused(product: Product, pair: Pair) -> None:
    log_out(product, pair.refresh)

    assert log_out(product, pair.refresh).status_code == 401


# Tokens that are refused

Forge = Callable[[Pair], str]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def signed(
    claims: dict[str, Any], *, key: str | None = None, algorithm: str = "HS256", kind: str | None = "at+jwt"
) -> str:
    with warnings.catch_warnings(action="ignore"):  # The key is short for some algorithms, and does for a forger.
        return jwt.encode(claims, key or api_settings.SIGNING_KEY, algorithm=algorithm, headers={"typ": kind})


def with_header(token: str, header: str) -> str:
    encoded = base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode()
    return ".".join([encoded, *token.split(".")[1:]])


def expired(token: str) -> str:
    return signed(claims_of(token) | {"exp": now() - timedelta(seconds=1)})


def without(token: str, name: str) -> str:
    return signed({key: value for key, value in claims_of(token).items() if key != name})


def with_another_user(pair: Pair) -> str:
    registered = registration.register(
        email=f"{claims_of(pair.access)['jti']}@example.com", password=PASSWORD, at=now()
    )
    return signed(claims_of(pair.access) | {"user_id": str(registered.pk)})


REFUSED: dict[str, Forge] = {
    "alg none": lambda pair: jwt.encode(claims_of(pair.access), "", algorithm="none", headers={"typ": "at+jwt"}),
    "alg none, signature kept": lambda pair: with_header(pair.access, '{"alg":"none","typ":"at+jwt"}'),
    "alg swapped to one of a public key": lambda pair: with_header(pair.access, '{"alg":"RS256","typ":"at+jwt"}'),
    "alg swapped, signed with our key": lambda pair: signed(claims_of(pair.access), algorithm="HS384"),
    "alg a list": lambda pair: with_header(pair.access, '{"alg":["HS256"],"typ":"at+jwt"}'),
    "another key": lambda pair: signed(claims_of(pair.access), key="another key that is long enough for it"),
    "Django's own key": lambda pair: signed(claims_of(pair.access), key=settings.SECRET_KEY),
    "no type": lambda pair: signed(claims_of(pair.access), kind=None),
    "type of any JWT": lambda pair: signed(claims_of(pair.access), kind="JWT"),
    "type of a refresh token": lambda pair: signed(claims_of(pair.access), kind="rt+jwt"),
    "type of a staff token": lambda pair: signed(claims_of(pair.access), kind="staff+jwt"),
    "another issuer": lambda pair: signed(claims_of(pair.access) | {"iss": "somebody"}),
    "another audience": lambda pair: signed(claims_of(pair.access) | {"aud": "somebody"}),
    "no issuer": lambda pair: without(pair.access, "iss"),
    "no audience": lambda pair: without(pair.access, "aud"),
    "payload swapped": lambda pair: ".".join(
        [
            pair.access.split(".")[0],
            signed(claims_of(pair.access) | {"jti": "forged"}).split(".")[1],
            pair.access.split(".")[2],
        ]
    ),
    "expired": lambda pair: expired(pair.access),
    "refresh used as access": lambda pair: pair.refresh,
    "refresh under the type of access": lambda pair: signed(claims_of(pair.refresh)),
    "a workspace that is no id": lambda pair: signed(claims_of(pair.access) | {"workspace": "abc"}),
    "no kind": lambda pair: without(pair.access, "token_type"),
    "no end": lambda pair: without(pair.access, "exp"),
    "no family": lambda pair: without(pair.access, "family"),
    "another's family": with_another_user,
    "a family that is no id": lambda pair: signed(claims_of(pair.access) | {"family": "abc"}),
    "not a token": lambda _: "abc",
    "header nested without end": lambda pair: with_header(pair.access, "[" * 5_000),
    "header not an object": lambda pair: with_header(pair.access, "[]"),
    "not ASCII": lambda pair: pair.access.replace(".", "é"),
}


@pytest.mark.parametrize("forge", REFUSED.values(), ids=REFUSED)
def test_a_forged_token_is_refused(product: Product, pair: Pair, forge: Forge) -> None:
    answer = product.http.get("/api/v1/auth/me", headers={b"authorization": f"Bearer {forge(pair)}".encode()})

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "invalid_credentials"


REFUSED_AS_REFRESH: dict[str, Forge] = {
    "access used as refresh": lambda pair: pair.access,
    "alg none": lambda pair: jwt.encode(claims_of(pair.refresh), "", algorithm="none", headers={"typ": "rt+jwt"}),
    "another key": lambda pair: signed(
        claims_of(pair.refresh), key="another key that is long enough for it", kind="rt+jwt"
    ),
    "expired": lambda pair: signed(claims_of(pair.refresh) | {"exp": now() - timedelta(seconds=1)}, kind="rt+jwt"),
    "access under the type of refresh": lambda pair: signed(claims_of(pair.access), kind="rt+jwt"),
    "header nested": lambda _: with_header("a.b.c", "[" * 1_200),
    "not ASCII": lambda _: "é.é.é",
}


@pytest.mark.parametrize("forge", REFUSED_AS_REFRESH.values(), ids=REFUSED_AS_REFRESH)
def test_a_forged_refresh_token_is_refused(product: Product, pair: Pair, forge: Forge) -> None:
    assert refresh(product, forge(pair)).status_code == 401
    assert log_out(product, forge(pair)).status_code == 401
    assert me(product, pair.access).status_code == 200


def test_a_token_holds_no_more_than_it_needs(pair: Pair) -> None:
    expected = {"token_type", "exp", "iat", "jti", "iss", "aud", "user_id", "family"}

    assert set(claims_of(pair.access)) == set(claims_of(pair.refresh)) == expected


def test_an_access_token_is_short_lived(pair: Pair) -> None:
    claims = claims_of(pair.access)

    assert claims["exp"] - claims["iat"] == 15 * 60


@pytest.mark.parametrize(("name", "kind"), [("access", "at+jwt"), ("refresh", "rt+jwt")])
def test_a_token_says_its_type_and_our_one_algorithm(pair: Pair, name: str, kind: str) -> None:
    assert jwt.get_unverified_header(getattr(pair, name)) == {"alg": "HS256", "typ": kind}


# Sessions


def test_a_session_remembers_where_it_came_from(product: Product, alice: Person) -> None:
    product.http.post(
        "/api/v1/auth/login",
        json={"email": alice.user.email, "password": PASSWORD},
        headers={"user-agent": "Alice's telephone"},
    )

    family = family_of(alice)
    assert (family.ip, family.user_agent) == ("127.0.0.1", "Alice's telephone")


def test_all_sessions_but_one_can_be_ended(alice: Person, pair: Pair) -> None:
    kept = tokens.begin_family(alice.user)
    kept_id = UUID(claims_of(kept.access)["family"])

    assert tokens.end_all(alice.user.pk, because="revoked", at=now(), but=kept_id) == 1
    assert [family.pk for family in tokens.live_families(alice.user.pk, at=now())] == [kept_id]


# Staff


@pytest.fixture
def dora(database: None) -> User:
    """Staff."""
    return UserFactory.create(name="Dora", is_staff=True)


def staff_log_in(product: Product, email: str) -> httpx2.Response:
    return product.http.post("/api/v1/auth/staff-login", json={"email": email, "password": PASSWORD})


def test_staff_get_a_token_of_8_hours_with_their_role(product: Product, dora: User) -> None:
    app = app_of(dora)

    answer = half_signed_in(dora, product, path="staff-login").ask("POST", "2fa", {"code": app.code()})

    claims = claims_of(answer.json()["access"])
    assert list(answer.json()) == ["access", "user"]
    assert (claims["role"], claims["exp"] - claims["iat"]) == ("admin", 8 * 60 * 60)
    assert me(product, answer.json()["access"]).json()["email"] == dora.email


def test_staff_without_a_second_factor_get_no_staff_token(product: Product, dora: User) -> None:
    answer = staff_log_in(product, dora.email)

    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_missing")


def test_who_was_staff_before_the_code_gets_no_staff_token(product: Product, dora: User) -> None:
    app = app_of(dora)
    half = half_signed_in(dora, product, path="staff-login")
    User.objects.filter(pk=dora.pk).update(is_staff=False)

    assert half.ask("POST", "2fa", {"code": app.code()}).status_code == 401


def test_who_is_not_staff_gets_no_staff_token(product: Product, alice: Person) -> None:
    answer = staff_log_in(product, alice.user.email)

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


def test_only_a_staff_token_has_the_powers_of_staff(dora: User) -> None:
    def scopes(token: str) -> frozenset[str]:
        return callers.identify({"authorization": f"Bearer {token}"}).scopes

    assert STAFF in scopes(tokens.begin_staff(dora))
    assert STAFF not in scopes(tokens.begin_family(dora).access)


def test_a_staff_token_of_who_is_staff_no_more_has_no_such_powers(dora: User) -> None:
    token = tokens.begin_staff(dora)
    User.objects.filter(pk=dora.pk).update(is_staff=False)

    assert STAFF not in callers.identify({"authorization": f"Bearer {token}"}).scopes
