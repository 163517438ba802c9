"""A workspace of Alice's with other people in it, and what tests ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2
from django.utils.timezone import now

from accounts import workspaces
from accounts.audit import SYSTEM
from accounts.models import Membership, Workspace
from accounts.tests.factories import Person, person
from config.tests.product import Product

WORKSPACES = "/api/v1/workspaces"
ROLES = ["owner", "admin", "member", "viewer"]


@dataclass(frozen=True)
class Team:
    """Bob is Alice's teammate, in some role."""

    workspace: Workspace
    alice: Person
    bob: Person

    @property
    def path(self) -> str:
        return f"{WORKSPACES}/{self.workspace.pk}"

    def member(self, whose: Person) -> str:
        return f"{self.path}/members/{whose.user.pk}"

    def role_of(self, whose: Person) -> str | None:
        """None for who does not belong to it."""
        found = Membership.objects.filter(workspace=self.workspace, user=whose.user).first()
        return found.role if found else None

    def join(self, somebody: Person, role: str) -> Person:
        Membership.objects.create(workspace=self.workspace, user=somebody.user, role=role)
        return somebody


def team(role: str = "member") -> Team:
    alice, bob = person("Alice"), person("Bob")
    made = workspaces.create(alice.user.pk, name="Acme", by=SYSTEM, at=now())
    whole = Team(made.workspace, alice, bob)
    whole.join(bob, role)
    return whole


def as_role(role: str) -> tuple[Team, Person]:
    """A team, and the one of the two who is this in it."""
    made = team("member" if role == "owner" else role)
    return made, made.alice if role == "owner" else made.bob


def said(answer: httpx2.Response) -> tuple[int, str]:
    """Its status, and the code of its problem if it has one."""
    body = answer.json() if answer.content else {}
    return answer.status_code, body.get("code", "") if isinstance(body, dict) else ""


def call(product: Product, who: Person, method: str, path: str, **body: Any) -> httpx2.Response:
    """In a new session of theirs."""
    return product.http.request(method, path, headers=who.session, json=body if method != "GET" else None)
