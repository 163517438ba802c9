"""One `Caller`, however the request was authenticated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from accounts import callers, tokens
from accounts.errors import InvalidCredentials, NotAuthenticated
from accounts.models import User, Workspace
from accounts.tests.factories import Person
from config.tests.product import Product
from conftest import Run


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def access(person: Person) -> dict[str, str]:
    return bearer(tokens.begin_family(person.user).access)


def test_a_key_in_either_header_is_the_same_caller(alice: Person) -> None:
    assert callers.identify(alice.headers) == callers.identify(bearer(alice.api_key)) == alice.caller


def test_a_token_is_the_same_caller_without_a_key(alice: Person) -> None:
    assert callers.identify(access(alice)) == replace(alice.caller, key_id=None)


def test_a_session_is_the_same_caller_as_a_token(alice: Person) -> None:
    assert callers.signed_in(alice.user.pk) == callers.identify(access(alice))


def test_both_roads_to_the_database_find_the_same_caller(run: Run[Any], alice: Person) -> None:
    for headers in (alice.headers, access(alice)):
        assert run(callers.aidentify(headers)) == callers.identify(headers)


def test_the_authorization_header_is_heard_first(alice: Person, charlie: Person) -> None:
    assert callers.identify(access(alice) | charlie.headers).user_id == alice.user.pk


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer "}, {"authorization": "Basic YTpi"}, {"x-api-key": ""}]
)
def test_no_credential_is_said_to_be_none(headers: Mapping[str, str], database: None) -> None:
    with pytest.raises(NotAuthenticated):
        callers.identify(headers)


@pytest.mark.parametrize("credential", ["sk-stipend-unknown", "sk-ant-theirs", "a.b.c", "\x00", "é"])
def test_a_bad_credential_is_refused(run: Run[Any], credential: str) -> None:
    with pytest.raises(InvalidCredentials):
        run(callers.aidentify({"x-api-key": credential}))


def test_who_is_not_active_is_nobody(alice: Person) -> None:
    token = access(alice)
    User.objects.filter(pk=alice.user.pk).update(is_active=False)

    for headers in (alice.headers, token):
        with pytest.raises(InvalidCredentials):
            callers.identify(headers)


def test_a_caller_has_the_workspace_s_time_zone(alice: Person) -> None:
    Workspace.objects.filter(pk=alice.workspace.pk).update(time_zone="Europe/Berlin")

    assert callers.identify(alice.headers).zone == ZoneInfo("Europe/Berlin")


def test_a_session_reads_the_api(alice: Person) -> None:
    browser = Client()
    browser.force_login(alice.user)

    assert browser.get("/api/v1/auth/me").json()["email"] == alice.user.email


def test_a_session_writes_nothing_without_a_csrf_token(alice: Person) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice.user)

    answer = browser.post("/api/v1/auth/api-keys", {"name": "forged"}, content_type="application/json")

    assert answer.status_code == 403
    assert not alice.workspace.api_keys.filter(name="forged").exists()


@pytest.mark.parametrize("path", ["/api/v1/auth/me", "/api/v1/quotas/usage", "/api/v1/assistants/conversations"])
def test_nobody_is_told_how_to_come_in(product: Product, path: str) -> None:
    answer = product.http.get(path)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "not_authenticated"
