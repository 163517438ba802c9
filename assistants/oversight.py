"""What staff do with what is a customer's own: with a reason, and a line in the log that the customer can read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from assistants import transcripts
from assistants.crew import jobs
from assistants.models import Conversation, Job


@dataclass(frozen=True)
class Passage:
    heading: str
    text: str


@transaction.atomic
def read_conversation(conversation_id: UUID, *, by: Actor, reason: str, at: datetime) -> list[Passage] | None:
    """All its branches; None where its owner has deleted it."""
    # Whoever deletes it waits, so that what is shown was there when the log says that it was read.
    found = Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id, deleted_at=None).first()
    if found is None:
        return None
    told: dict[str, Any] = {"workspace_id": found.workspace_id, "after": {"reason": reason}}
    audit.record("conversation.read", by=by, subject=found, at=at, **told)
    instructions = [Passage("Its instructions", found.system)] if found.system else []
    return [*instructions, Passage("What was said", transcripts.as_markdown(found))]


@transaction.atomic
def read_job(job_id: UUID, *, by: Actor, reason: str, at: datetime) -> list[Passage] | None:
    """What was asked, and what each step gave; None where its owner has deleted it."""
    found = Job.objects.select_for_update(no_key=True).filter(pk=job_id, deleted_at=None).first()
    if found is None:
        return None
    told: dict[str, Any] = {"workspace_id": found.workspace_id, "after": {"reason": reason}}
    audit.record("job.read", by=by, subject=found, at=at, **told)
    asked = [Passage("Title", found.title), Passage("Brief", _written(found.brief))]
    kept = [Passage("What the client keeps with it", _written(found.context))] if found.context else []
    steps = [Passage(f"Step {step.position}, {step.role}", _written(step.output)) for step in found.steps.all()]
    result = [Passage("Result", _written(found.result))] if found.result is not None else []
    return [*asked, *kept, *steps, *result]


def cancel_job(job: Job, *, by: Actor, reason: str, at: datetime) -> None:
    """As its owner would. Raises `JobEnded`."""
    async_to_sync(jobs.cancel)(job.pk, at)
    told: dict[str, Any] = {"before": {"state": job.state}, "after": {"cancel_asked": True, "reason": reason}}
    audit.record("job.cancelled", by=by, subject=job, at=at, workspace_id=job.workspace_id, **told)


def _written(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
