"""How a job comes along, as events: `job.started`, `step.started`, `step.completed`, and how it ended.

They are told by what the database has, so anybody can listen, at any process, from any event on: each has a number.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404

from accounts import database
from accounts.callers import Caller
from assistants.crew import roles
from assistants.models import Job
from assistants.streaming import KEEP_ALIVE, event

POLL_SECONDS = 0.5

NEWS = """
    SELECT j.state, j.step, j.error, j.kind, j.crew, j.started_at IS NOT NULL AS has_started, COALESCE(
        (SELECT jsonb_agg(jsonb_build_object('role', role, 'result', output, 'model', model, 'demo', provider = 'demo',
            'duration_ms', duration_ms, 'cost', cost) ORDER BY position)
        FROM assistants_step WHERE job_id = j.id AND position >= %(told)s), '[]') AS steps
    FROM assistants_job j WHERE j.id = %(job_id)s AND j.deleted_at IS NULL
"""

SEEN = """
    SELECT j.id FROM assistants_job j LEFT JOIN assistants_project p ON p.id = j.project_id
    WHERE j.id = %(job_id)s AND j.kind = %(kind)s AND j.workspace_id = %(workspace_id)s AND j.deleted_at IS NULL
        AND (p.id IS NULL OR p.user_id = %(user_id)s OR p.is_shared)
"""

Told = tuple[int, str, dict[str, Any]]


async def check_seen(job_id: UUID, kind: str, caller: Caller) -> None:
    """By the short road: whoever follows for minutes holds no connection meanwhile. Raises `Http404`."""
    whose = {"job_id": job_id, "kind": kind, "workspace_id": caller.workspace_id, "user_id": caller.user_id}
    if await database.fetch_one(SEEN, whose) is None:
        raise Http404


async def follow(job_id: UUID, *, after: int) -> AsyncIterator[bytes]:
    """The events from the one behind `after` on, to the end of the job; a sign of life where there is no news."""
    silence = told = 0.0
    while news := await database.fetch_one(NEWS, {"job_id": job_id, "told": int(told)}):
        for number, name, data in _events(job_id, news, int(told)):
            if number > after:
                after, silence = number, 0.0
                yield event(name, data, offset=number)
        told += len(news["steps"])
        if news["state"] not in Job.UNFINISHED:
            return
        if silence >= settings.KEEP_ALIVE_SECONDS:
            silence = 0.0
            yield KEEP_ALIVE
        await asyncio.sleep(POLL_SECONDS)
        silence += POLL_SECONDS


def _events(job_id: UUID, news: database.Row, told: int) -> Iterator[Told]:
    """What has happened by now, the steps from `told` on. A step begins as the one before it ends."""
    crew = roles.find(news["crew"], news["kind"])
    if news["has_started"]:
        yield 1, "job.started", {"job_id": str(job_id), "steps_in_all": len(crew.roles)}
    for position, step in enumerate(news["steps"], start=told):
        yield 2 + 2 * position, "step.started", _begun(crew, position)
        yield 3 + 2 * position, "step.completed", {"position": position, **step}
    if news["state"] == Job.State.RUNNING and news["step"] < len(crew.roles):
        yield 2 + 2 * news["step"], "step.started", _begun(crew, news["step"])
    if news["state"] not in Job.UNFINISHED:
        ended = {"job_id": str(job_id), "state": news["state"], "error": news["error"]}
        yield 2 + 2 * len(crew.roles), f"job.{news['state']}", ended


def _begun(crew: roles.Crew, position: int) -> dict[str, Any]:
    role = crew.roles[position]
    return {"position": position, "role": role.slug, "name": role.name, "does": role.does}
