"""What tests of a crew's work share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.tests.factories import Person
from assistants import providers
from assistants.crew import claims, jobs, work
from assistants.crew.casting import Part
from assistants.crew.claims import Claimed
from assistants.crew.jobs import NewJob
from assistants.models import Job, Step

BRIEF = {
    "business": "Bread & Butter, a bakery",
    "industry": "food",
    "audience": "people who work nearby",
    "goal": "sell 50 lunch boxes a day",
}
ROLES = ["researcher", "strategist", "writer", "critic"]


async def begin(person: Person, **more: Any) -> UUID:
    new = NewJob(**{"kind": Job.Kind.STRATEGY, "crew": "strategy", "brief": BRIEF, **more})
    return await jobs.begin(new, person.caller, request_id=f"req_{uuid.uuid4().hex}", at=now())


async def claimed(job_id: UUID) -> Claimed:
    job = await claims.claim(job_id)
    assert job
    return job


async def work_on(job_id: UUID) -> None:
    await work.work_on(await claimed(job_id), now())


class Killed(BaseException):
    """Nobody catches it, as nobody catches a process that is gone."""


class Doomed(work.Work):
    """Dies once it has kept a step: nothing is settled, nothing handed back."""

    async def _step(self, parts: tuple[Part, ...]) -> None:
        await super()._step(parts)
        raise Killed


async def die_after_a_step(job_id: UUID) -> None:
    with suppress(Killed):
        await Doomed(await claimed(job_id), now()).do()


def let_claim_run_out(job_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE assistants_job SET leased_until = now() WHERE id = %s", [job_id])


def took(job_id: UUID) -> int:
    """Tokens, as its steps say."""
    kinds = [field.name for field in Step._meta.fields if field.name.endswith("_tokens")]
    return sum(sum(step) for step in Step.objects.filter(job=job_id).values_list(*kinds))


def steps(job_id: UUID) -> list[str]:
    return list(Step.objects.filter(job=job_id).values_list("role", flat=True))


@pytest.fixture(autouse=True)
def at_once(settings: Any) -> Iterator[None]:
    """Import it, and the demo of this process answers without a pause."""
    settings.DEMO_GAP_SECONDS = 0
    providers.named.cache_clear()
    yield
    providers.named.cache_clear()
