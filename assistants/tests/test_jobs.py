"""A crew's work: every step once, charged once, whoever does it."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants.crew import claims, jobs, roles, work
from assistants.crew.jobs import NewJob
from assistants.models import Job, Step
from conftest import Run
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import charged
from quotas.tests.plans import put_on_plan

BRIEF = {
    "business": "Bread & Butter, a bakery",
    "industry": "food",
    "audience": "people who work nearby",
    "goal": "sell 50 lunch boxes a day",
}


async def begin(person: Person, **more: Any) -> UUID:
    new = NewJob(**{"kind": Job.Kind.STRATEGY, "crew": "strategy", "brief": BRIEF, **more})
    return await jobs.begin(new, person.caller, request_id=f"req_{uuid.uuid4().hex}", at=now())


async def work_on(job_id: UUID) -> None:
    claimed = await claims.claim(job_id)
    assert claimed
    await work.work_on(claimed, now())


def took(job: Job) -> int:
    """What its steps say that they took."""
    kinds = [field.name for field in Step._meta.fields if field.name.endswith("_tokens")]
    return sum(sum(step) for step in job.steps.values_list(*kinds))


@pytest.fixture
def alice_on_a_large_plan(alice: Person) -> Person:
    put_on_plan(alice, tokens_day=1_000_000, requests_day=100, operations_month=2)
    return alice


def test_a_strategy_goes_through_every_role_and_is_charged_what_they_took(
    run: Run[Any], alice_on_a_large_plan: Person
) -> None:
    alice = alice_on_a_large_plan
    job_id = run(begin(alice))

    run(work_on(job_id))

    job = Job.objects.get(id=job_id)
    assert (job.state, job.error) == ("completed", "")
    assert [step.role for step in job.steps.all()] == [role.slug for role in roles.find("strategy", "strategy").roles]
    assert job.result == job.steps.get(role="critic").output
    assert charged(alice) == took(job) > 0
    assert charged(alice, "requests") == 1
