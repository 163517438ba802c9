"""One `Caller`, however the request was authenticated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts import callers, tokens
from accounts.callers import PERSON
from accounts.errors import InvalidCredentials, NotAuthenticated, UnknownWorkspace
from accounts.models import Membership, Scope, User, Workspace
from accounts.tests.factories import Person, UserFactory
from accounts.tests.ways_in import in_console, outsider
from config.tests.product import Product
from conftest import Run


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def access(person: Person) -> dict[str, str]:
    return bearer(tokens.begin_family(person.user).access)


def test_a_key_in_either_header_is_the_same_caller(alice: Person) -> None:
    assert callers.identify(alice.headers) == callers.identify(bearer(alice.api_key)) == alice.caller


def test_a_token_is_the_same_caller_without_a_key(alice: Person) -> None:
    by_token = callers.identify(access(alice))

    assert by_token.scopes == alice.caller.scopes | {PERSON}
    assert replace(by_token, scopes=alice.caller.scopes, family_id=None) == replace(alice.caller, key_id=None)


def test_a_session_is_the_same_caller_as_a_token(alice: Person) -> None:
    assert callers.signed_in(alice.user.pk, {}) == replace(callers.identify(access(alice)), family_id=None)


def test_both_roads_to_the_database_find_the_same_caller(run: Run[Any], alice: Person) -> None:
    for headers in (alice.headers, access(alice)):
        assert run(callers.aidentify(headers, needs=Scope.READ)) == callers.identify(headers)


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
        run(callers.aidentify({"x-api-key": credential}, needs=Scope.READ))


def test_who_is_not_active_is_nobody(alice: Person) -> None:
    token = access(alice)
    User.objects.filter(pk=alice.user.pk).update(is_active=False)

    for headers in (alice.headers, token):
        with pytest.raises(InvalidCredentials):
            callers.identify(headers)


def test_a_caller_has_the_workspace_s_time_zone(alice: Person) -> None:
    Workspace.objects.filter(pk=alice.workspace.pk).update(time_zone="Europe/Berlin")

    assert callers.identify(alice.headers).zone == ZoneInfo("Europe/Berlin")


@pytest.fixture
def dora(database: None) -> User:
    """Staff."""
    return UserFactory.create(name="Dora", is_staff=True)


def test_a_session_of_the_console_reads_the_api(dora: User) -> None:
    assert in_console(dora).get("/api/v1/auth/me").json()["email"] == dora.email


def test_no_other_session_does(dora: User, alice: Person) -> None:
    assert outsider(dora).get("/api/v1/auth/me").status_code == 401
    assert in_console(alice.user).get("/api/v1/auth/me").status_code == 401


def test_a_session_writes_nothing_without_a_csrf_token(dora: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = in_console(dora).cookies

    answer = browser.post("/api/v1/auth/api-keys", {"name": "forged"}, content_type="application/json")

    assert answer.status_code == 403
    assert not dora.api_keys.filter(name="forged").exists()


@pytest.mark.parametrize("path", ["/api/v1/auth/me", "/api/v1/quotas/usage", "/api/v1/assistants/conversations"])
def test_nobody_is_told_how_to_come_in(product: Product, path: str) -> None:
    answer = product.http.get(path)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "not_authenticated"


# Which workspace


@pytest.fixture
def team(alice: Person) -> Workspace:
    """A workspace where Alice is a viewer."""
    workspace = Workspace.objects.create(name="Team", email=alice.user.email)
    Membership.objects.create(workspace=workspace, user=alice.user, role="viewer")
    return workspace


def test_a_header_names_another_workspace(alice: Person, team: Workspace) -> None:
    caller = callers.identify(alice.session | {"x-workspace": str(team.pk)})

    assert (caller.workspace_id, caller.role) == (team.pk, "viewer")
    assert caller.scopes == {Scope.READ, PERSON}


def test_a_switched_session_stays_there_after_a_refresh(alice: Person, team: Workspace) -> None:
    pair = tokens.begin_family(alice.user)
    switched = tokens.switch(UUID(tokens.read_access(pair.access).family), team)
    _, renewed = tokens.rotate(pair.refresh, at=now())

    for token in (switched, renewed.access):
        assert callers.identify(bearer(token)).workspace_id == team.pk


def test_who_has_left_is_back_in_their_own_after_a_refresh(alice: Person, team: Workspace) -> None:
    pair = tokens.begin_family(alice.user)
    switched = tokens.switch(UUID(tokens.read_access(pair.access).family), team)
    Membership.objects.filter(workspace=team).delete()

    with pytest.raises(UnknownWorkspace):
        callers.identify(bearer(switched))
    _, renewed = tokens.rotate(pair.refresh, at=now())
    assert callers.identify(bearer(renewed.access)).workspace_id == alice.workspace.pk


@pytest.mark.parametrize("named", ["theirs", "unknown", "no id"])
def test_a_workspace_that_is_not_theirs_is_not_there(
    product: Product, alice: Person, charlie: Person, named: str
) -> None:
    asked = {"theirs": str(charlie.workspace.pk), "unknown": str(uuid4()), "no id": "team"}[named]

    for headers in (alice.headers, alice.session):
        answer = product.http.get("/api/v1/auth/me", headers=headers | {"x-workspace": asked})
        assert (answer.status_code, answer.json()["code"]) == (404, "workspace_not_found")


def test_a_key_stays_in_its_own_workspace(alice: Person, team: Workspace) -> None:
    with pytest.raises(UnknownWorkspace):
        callers.identify(alice.headers | {"x-workspace": str(team.pk)})
