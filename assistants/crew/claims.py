"""Who works on a job: one at a time, as long as they say that they live. Who has lost it writes nothing more."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from psycopg.types.json import Jsonb

from accounts import database
from accounts.database import Params
from assistants.crew.steps import Taken
from quotas import metering
from quotas.metering import Amounts

Statement = tuple[str, Params]

CLAIM = """
    UPDATE assistants_job SET claim = %(claim)s, leased_until = now() + %(lease)s, state = 'running',
        tries = tries + 1, started_at = COALESCE(started_at, now())
    WHERE id = (
        SELECT id FROM assistants_job waiting
        WHERE state IN ('queued', 'running') AND leased_until <= now() AND (id = %(job_id)s OR (
            %(job_id)s::uuid IS NULL AND %(most)s > (
                SELECT count(*) FROM assistants_job running WHERE running.workspace_id = waiting.workspace_id
                    AND state = 'running' AND leased_until > now()
            )
        ))
        ORDER BY leased_until LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, workspace_id, user_id, api_key_id, kind, crew, brief, model, request_id, reservation_id, held, tries,
        claim, cancel_asked_at IS NOT NULL AS is_cancelled
"""

KEPT = """
    SELECT role, output, reservation_id, position, cost, input_tokens + cache_write_5m_tokens + cache_write_1h_tokens
        + cache_read_tokens + output_tokens AS tokens
    FROM assistants_step WHERE job_id = %(id)s ORDER BY position
"""

MINE = "id = %(id)s AND claim = %(claim)s AND state = 'running'"

RENEW = f"""
    UPDATE assistants_job SET leased_until = now() + %(lease)s WHERE {MINE}
    RETURNING cancel_asked_at IS NOT NULL AS is_cancelled
"""

KEEP_STEP = f"""
    WITH mine AS (
        UPDATE assistants_job SET step = %(position)s + 1, leased_until = now() + %(lease)s WHERE {MINE} RETURNING id
    )
    INSERT INTO assistants_step (job_id, position, role, output, reservation_id, model, provider, input_tokens,
        cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens, output_tokens, cost, tries, duration_ms,
        finished_at)
    SELECT id, %(position)s, %(role)s, %(output)s, %(reservation_id)s, %(model)s, %(provider)s, %(input)s,
        %(cache_write_5m)s, %(cache_write_1h)s, %(cache_read)s, %(output_tokens)s, %(cost)s, %(tries)s, %(duration_ms)s,
        now()
    FROM mine RETURNING job_id
"""

HOLD_ANEW = f"""
    UPDATE assistants_job SET reservation_id = %(reservation_id)s, held = %(held)s WHERE {MINE} RETURNING id
"""

END = f"""
    UPDATE assistants_job SET state = %(state)s, error = %(error)s, result = %(result)s, claim = NULL,
        finished_at = now()
    WHERE {MINE} RETURNING id
"""

HAND_BACK = f"UPDATE assistants_job SET state = 'queued', claim = NULL, leased_until = now() WHERE {MINE}"


@dataclass(frozen=True)
class Claimed:
    """A job in our hands. `held` is of each meter that a limit speaks of; `tries` counts this one."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    api_key_id: UUID | None
    kind: str
    crew: str
    brief: dict[str, Any]
    model: str
    request_id: str
    reservation_id: UUID
    held: dict[str, int]
    tries: int
    claim: UUID
    is_cancelled: bool

    @property
    def key(self) -> dict[str, UUID]:
        return {"id": self.id, "claim": self.claim}


@dataclass(frozen=True)
class Kept:
    """A step that finished before, and what it took."""

    role: str
    output: dict[str, Any]
    reservation_id: UUID
    position: int
    cost: int
    tokens: int


class ClaimLost(Exception):
    """Somebody else works on it now."""


async def claim(job_id: UUID | None = None) -> Claimed | None:
    """This job; or the one that has waited longest, of a workspace that has not as many at work as it may. None where
    nothing waits."""
    params = {
        "job_id": job_id,
        "claim": uuid.uuid4(),
        "lease": settings.RESERVATION_LEASE,
        "most": settings.JOBS_OF_A_WORKSPACE,
    }
    row = await database.fetch_one(CLAIM, params)
    return Claimed(**row) if row else None


async def kept_steps(job_id: UUID) -> list[Kept]:
    return [Kept(**row) for row in await database.fetch_all(KEPT, {"id": job_id})]


async def renew(job: Claimed, reservation_id: UUID, spent: Amounts) -> bool:
    """Say that it is being worked on; whether somebody wants it cancelled. Raises `ClaimLost`."""
    params = {**job.key, "lease": settings.RESERVATION_LEASE}
    return bool((await _with_renewal((RENEW, params), reservation_id, spent))["is_cancelled"])


async def keep_step(job: Claimed, position: int, role: str, taken: Taken, reservation_id: UUID, spent: Amounts) -> None:
    """Its result and what has been spent by now, committed together. Raises `ClaimLost`, and has kept nothing then."""
    usage = taken.usage
    params = {
        **job.key,
        "lease": settings.RESERVATION_LEASE,
        "position": position,
        "role": role,
        "output": Jsonb(taken.output),
        "reservation_id": reservation_id,
        "model": taken.model,
        "provider": taken.provider,
        "input": usage.input,
        "cache_write_5m": usage.cache_write_5m,
        "cache_write_1h": usage.cache_write_1h,
        "cache_read": usage.cache_read,
        "output_tokens": usage.output,
        "cost": taken.cost,
        "tries": taken.tries,
        "duration_ms": taken.duration_ms,
    }
    await _with_renewal((KEEP_STEP, params), reservation_id, spent)


async def _with_renewal(mine: Statement, reservation_id: UUID, spent: Amounts) -> database.Row:
    """In one transaction with the hold's renewal, which nobody who has lost the claim may write. Raises `ClaimLost`."""
    async with database.connected() as held, held.transaction():
        row = await (await held.execute(*mine)).fetchone()
        if row is None:
            raise ClaimLost
        await held.execute(*metering.renewal({reservation_id: spent}))
        return row


async def hold_anew(job: Claimed, reservation_id: UUID, held: Amounts) -> None:
    """Raises `ClaimLost`."""
    params = {**job.key, "reservation_id": reservation_id, "held": Jsonb(held)}
    if await database.fetch_one(HOLD_ANEW, params) is None:
        raise ClaimLost


def ending(job: Claimed, state: str, error: str, result: Any) -> Statement:
    """To be committed with its settlement."""
    return END, {**job.key, "state": state, "error": error, "result": None if result is None else Jsonb(result)}


async def hand_back(job: Claimed) -> None:
    """For another process to go on at once."""
    async with database.connected() as connection:
        await connection.execute(HAND_BACK, job.key)
