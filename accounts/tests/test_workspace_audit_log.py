"""Who manages a workspace reads what was changed in it, by whom."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from accounts import workspaces
from accounts.audit import Actor
from accounts.models import AuditEntry, User
from accounts.tests.factories import Person, person
from accounts.tests.teams import ROLES, Team, as_role, call, said, team
from config.tests.product import Product


def log(product: Product, ours: Team, **asked: str) -> list[dict[str, object]]:
    path = f"{ours.path}/audit-log?" + "&".join(f"{name}={value}" for name, value in asked.items())
    answer = call(product, ours.alice, "GET", path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["results"]
    return found


@pytest.mark.parametrize("role", ROLES)
def test_who_manages_reads_it(product: Product, role: str) -> None:
    ours, who = as_role(role)

    answer = call(product, who, "GET", f"{ours.path}/audit-log")

    expected = (200, "") if role in ("owner", "admin") else (403, "insufficient_scope")
    assert said(answer) == expected


def test_it_tells_who_did_what_to_whom_newest_first(product: Product) -> None:
    ours = team("admin")
    call(product, ours.alice, "PATCH", ours.path, name="Emca")
    answer = call(product, ours.bob, "PATCH", ours.path, name="Again")

    newest, older, oldest = log(product, ours)

    assert [line["action"] for line in (newest, older, oldest)] == [
        "workspace.changed",
        "workspace.changed",
        "workspace.created",
    ]
    assert (newest["actor_id"], newest["actor_email"]) == (str(ours.bob.user.pk), ours.bob.user.email)
    assert newest["subject"] == f"workspace:{ours.workspace.pk}"
    assert newest["request_id"] == answer.headers["x-request-id"]


def test_it_is_found_by_action_and_by_actor(product: Product) -> None:
    ours = team("admin")
    call(product, ours.alice, "PATCH", ours.path, name="Emca")
    call(product, ours.bob, "PATCH", ours.path, name="Again")

    assert len(log(product, ours, action="workspace.created")) == 1
    assert len(log(product, ours, action="workspace.changed")) == 2
    assert len(log(product, ours, actor=str(ours.bob.user.pk))) == 1


@pytest.mark.parametrize("asked", ["actor=nobody", "action=%00", f"action={'x' * 61}"])
def test_what_cannot_be_looked_for_is_refused(product: Product, asked: str) -> None:
    ours = team()

    assert call(product, ours.alice, "GET", f"{ours.path}/audit-log?{asked}").status_code == 400


def test_it_comes_page_by_page(product: Product) -> None:
    ours = team()
    for name in "abc":
        call(product, ours.alice, "PATCH", ours.path, name=name)

    seen, path = [], f"{ours.path}/audit-log?page_size=3"
    while path:
        page = call(product, ours.alice, "GET", path).json()
        seen += [line["after"]["name"] for line in page["results"]]
        path = page["next"]

    assert seen == ["c", "b", "a", "Acme"]


def test_nothing_of_another_workspace_is_in_it(product: Product, charlie: Person) -> None:
    ours = team()
    workspaces.change(charlie.workspace.pk, by=Actor(ours.alice.user.pk), at=now(), name="Canary")

    assert {line["action"] for line in log(product, ours)} == {"workspace.created"}


def test_staff_are_not_named_by_their_address(product: Product) -> None:
    ours, staff = team(), person("Staff")
    User.objects.filter(pk=staff.user.pk).update(is_staff=True)
    workspaces.change(ours.workspace.pk, by=Actor(staff.user.pk, ip="192.0.2.1"), at=now(), name="Mended")

    [line] = log(product, ours, action="workspace.changed")

    assert line["actor_email"] is None
    assert "192.0.2.1" not in repr(line)
    assert AuditEntry.objects.filter(ip="192.0.2.1", workspace=ours.workspace).exists()
