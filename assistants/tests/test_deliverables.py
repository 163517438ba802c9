"""Documents made from a coaching project, for those who see the project."""

from __future__ import annotations

import uuid
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from django.utils.timezone import now
from pypdf import PdfReader

from accounts import api_keys
from accounts.models import Membership
from accounts.tests.factories import Person, person
from assistants.coaching import decisions
from assistants.models import Job, Project
from assistants.tests.coached import path_of, project_of
from assistants.tests.crews import at_once as at_once
from assistants.tests.crews import work_on
from config.tests.product import Product
from conftest import Run
from quotas.tests.ledger import audited as audited
from quotas.tests.plans import put_on_plan

TYPES = ["launch-checklist", "price-page", "project-plan"]


@pytest.fixture
def alice(alice: Person) -> Person:
    put_on_plan(alice, tokens_day=1_000_000)
    return alice


@pytest.fixture
def project(alice: Person) -> Project:
    return project_of(alice, title="Bread club")


def made(product: Product, person: Person, project: Project, type_: str) -> Any:
    body = {"type": type_, "wishes": "Keep it short."}
    return product.http.post(f"{path_of(project)}/deliverables", json=body, headers=person.headers)


@pytest.mark.parametrize("type_", TYPES)
def test_each_type_is_made_and_had_as_a_pdf(
    run: Run[Any], product: Product, alice: Person, project: Project, type_: str
) -> None:
    answer = made(product, alice, project, type_)
    assert answer.status_code == 202, answer.text
    run(work_on(uuid.UUID(answer.json()["id"])))

    [listed] = product.http.get(f"{path_of(project)}/deliverables", headers=alice.headers).json()["results"]
    pdf = product.http.get(f"{answer.headers['location']}/export?as=pdf", headers=alice.headers)

    assert (listed["type"], listed["state"], listed["project_id"]) == (type_, "completed", str(project.pk))
    assert "Bread club" in PdfReader(BytesIO(pdf.content)).pages[0].extract_text()


def test_the_crew_is_told_what_is_known_of_the_project(product: Product, alice: Person, project: Project) -> None:
    decisions.record(project, category="pricing", text="$29 a month", rationale="", by=alice.user.pk, at=now())

    job = Job.objects.get(id=made(product, alice, project, "price-page").json()["id"])

    assert job.brief["wishes"] == "Keep it short."
    assert [decided["text"] for decided in job.brief["decisions"]] == ["$29 a month"]
    assert sum(len(phase["tasks"]) for phase in job.brief["project"]["phases"]) == 22


def test_only_who_sees_the_project_sees_what_is_made_of_it(
    product: Product, alice: Person, charlie: Person, project: Project
) -> None:
    bob = person("Bob")
    Membership.objects.create(workspace=alice.workspace, user=bob.user, role="admin")
    key = api_keys.create(workspace_id=alice.workspace.pk, user_id=bob.user.pk, name="in the team", at=now())[1]
    bob = replace(bob, api_key=key)
    address = made(product, alice, project, TYPES[0]).headers["location"]

    def statuses(somebody: Person) -> list[int]:
        ways = [address, f"{address}/events", f"{path_of(project)}/deliverables"]
        return [product.http.get(way, headers=somebody.headers).status_code for way in ways[::2]]

    assert statuses(bob) == statuses(charlie) == [404, 404]
    assert made(product, bob, project, TYPES[0]).status_code == 404
    Project.objects.filter(pk=project.pk).update(is_shared=True)
    assert (statuses(bob), statuses(charlie)) == ([200, 200], [404, 404])


def test_what_nobody_makes_is_refused(product: Product, alice: Person, project: Project) -> None:
    answer = made(product, alice, project, "strategy")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_type")
