"""Projects that tests make for themselves."""

from __future__ import annotations

from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants.coaching import projects
from assistants.models import Project

MODEL = "claude-sonnet-5-5"
TEMPLATE = "premium-community"
API = "/api/v1/coaching"
PROJECTS = f"{API}/projects"


def project_of(person: Person, *, title: str = "", template: str = TEMPLATE, is_shared: bool = False) -> Project:
    """Their one active project."""
    return projects.create(person.caller, template=template, title=title, model=MODEL, is_shared=is_shared, at=now())


def path_of(project: Project) -> str:
    return f"{PROJECTS}/{project.pk}"
