"""Jobs: begun with one hold for all their steps, cancelled, deleted.

The database says what is to be done; a message to a worker only says that there is something. One that is lost, or
comes twice, changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import Http404
from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from accounts import database
from accounts import jobs as workers
from accounts.callers import Caller
from assistants import moderation, signals
from assistants.crew import casting, claims, roles, rooms, work
from assistants.errors import JobEnded
from assistants.models import Job
from quotas import metering, paces, refusals

# A hold waits so long for a worker; work that waits longer is held for anew when it begins.
QUEUED_FOR = timedelta(hours=1)

INSERT = """
    INSERT INTO assistants_job (id, workspace_id, user_id, api_key_id, project_id, kind, crew, title, brief, context,
        session, model, state, error, step, request_id, reservation_id, held, claim, leased_until, tries, created_at)
    VALUES (%(id)s, %(workspace_id)s, %(user_id)s, %(api_key_id)s, %(project_id)s, %(kind)s, %(crew)s, %(title)s,
        %(brief)s, %(context)s, %(session)s, %(model)s, 'queued', '', 0, %(request_id)s, %(reservation_id)s, %(held)s,
        NULL, now(), 0, %(at)s)
    RETURNING id
"""

ASK_TO_CANCEL = """
    UPDATE assistants_job SET cancel_asked_at = COALESCE(cancel_asked_at, %(at)s)
    WHERE id = %(id)s AND state IN ('queued', 'running') RETURNING id
"""

DELETE = """
    UPDATE assistants_job SET deleted_at = %(at)s WHERE id = %(id)s AND deleted_at IS NULL
    RETURNING id AS job_id, workspace_id, user_id, kind
"""


@dataclass(frozen=True)
class NewJob:
    """`brief` as the crew's schema has it; `model` empty: each role's own. `context` and `session` are the client's."""

    kind: Job.Kind
    crew: str
    brief: Mapping[str, Any]
    model: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    session: str = ""
    project_id: UUID | None = None


async def begin(new: NewJob, caller: Caller, *, request_id: str, at: datetime) -> UUID:
    """Hold for all its steps and put it in the queue: its id.

    Raises `UnknownCrew`, `InvalidRequest`, `UnknownModel`, `ModelNotInPlan`, `ModelNotAllowed`, `ContentRefused`,
    `TooFast` and `QuotaExceeded`.
    """
    crew = roles.find(new.crew, new.kind)
    crew.check(new.brief)
    parts = await casting.cast(crew, new.model, caller)
    await moderation.check(_texts(new.brief), caller)
    pace = await paces.step(caller.workspace_id, at)
    with refusals.announced(caller):
        admission = await rooms.hold(
            parts,
            new.brief,
            {},
            caller=caller,
            counts=rooms.counts(new.kind),
            request_id=request_id,
            at=at,
            pace=pace,
        )
    job_id = uuid.uuid4()
    job = {
        "id": job_id,
        "workspace_id": caller.workspace_id,
        "user_id": caller.user_id,
        "api_key_id": caller.key_id,
        "project_id": new.project_id,
        "kind": str(new.kind),
        "crew": crew.slug,
        "title": crew.title_of(new.brief),
        "brief": Jsonb(new.brief),
        "context": Jsonb(new.context),
        "session": new.session,
        "model": new.model,
        "request_id": request_id,
        "reservation_id": admission.reservation_id,
        "held": Jsonb(admission.amounts),
        "at": at,
    }
    waits = metering.renewal({admission.reservation_id: {}}, lease=QUEUED_FOR)
    try:
        await database.fetch_first_of([(INSERT, job), waits])
    except ForeignKeyViolation as exc:  # Its project, or whoever asked, is gone meanwhile.
        await metering.release(admission.reservation_id)
        raise Http404 from exc
    return job_id


async def hand_to_worker() -> None:
    await sync_to_async(workers.nudge, thread_sensitive=False)("assistants.tasks.work_on_jobs")


async def cancel(job_id: UUID, at: datetime) -> None:
    """One that waits ends now, one that runs within seconds; finished steps stay charged. Raises `JobEnded`."""
    if await database.fetch_one(ASK_TO_CANCEL, {"id": job_id, "at": at}) is None:
        raise JobEnded
    if waiting := await claims.claim(job_id):
        await work.work_on(waiting, at)


async def delete(job_id: UUID, at: datetime) -> None:
    """It is seen no more, and ends if it has not."""
    with suppress(JobEnded):
        await cancel(job_id, at)
    if deleted := await database.fetch_one(DELETE, {"id": job_id, "at": at}):
        await signals.job_deleted.asend_robust(Job, **deleted)


def _texts(value: Any) -> Iterator[str]:
    """Everything somebody wrote in it."""
    match value:
        case str():
            yield value
        case list():
            for inner in value:
                yield from _texts(inner)
        case dict():
            for inner in value.values():
                yield from _texts(inner)
