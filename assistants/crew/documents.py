"""What a crew gave, as a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assistants.crew import roles
from assistants.crew.roles import Schema
from assistants.documents import markdown, pdf
from assistants.errors import NothingToExport
from assistants.models import Job


@dataclass(frozen=True)
class Result:
    """Of a job that ended early what its last finished step gave."""

    title: str
    value: dict[str, Any]
    schema: Schema
    facts: dict[str, str]


def result_of(job: Job) -> Result:
    """Raises `NothingToExport` before the first step has finished."""
    step = job.steps.last()
    if step is None:
        raise NothingToExport
    role = next(role for role in roles.find(job.crew, job.kind).roles if role.slug == step.role)
    facts = {"Made on": f"{step.finished_at:%d %B %Y}"}
    if job.state != Job.State.COMPLETED:
        facts["Not finished"] = f"This is what the {role.name.lower()} gave."
    if step.provider == "demo":
        facts["Demo"] = "An example: no model was asked."
    return Result(job.title, step.output, role.output, facts)


def as_markdown(job: Job) -> str:
    """Raises `NothingToExport`."""
    result = result_of(job)
    return markdown.of_result(result.title, result.value, result.schema, result.facts)


def as_pdf(job: Job) -> bytes:
    """Raises `NothingToExport`."""
    return pdf.of_markdown(as_markdown(job), job.title, job.title)
