"""The work on a job, step by step, under one hold; whatever becomes of the process, no step is done or charged twice.

A step is charged when its result is kept, with it, and never otherwise. Whoever takes a job over from a process that
died settles that one's hold by the steps it kept, and holds anew for the rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import psycopg
from django.conf import settings

from accounts import callers
from accounts.callers import Caller
from accounts.errors import AccountError
from accounts.models import Scope
from assistants import signals
from assistants.crew import casting, claims, roles, rooms, steps
from assistants.crew.casting import Part
from assistants.crew.claims import Claimed, ClaimLost
from assistants.crew.steps import Taken
from assistants.errors import AssistantError, GivenUp
from assistants.models import Job
from assistants.providers.base import ProviderError
from quotas import metering
from quotas.errors import QuotaError
from quotas.metering import Amounts
from quotas.models import Basis

logger = logging.getLogger(__name__)

State = Job.State

# Who takes a job over when so many others died with it gives it up.
MOST_TRIES = 5


class Cancelled(Exception):
    """Somebody asked for it."""


async def work_on(job: Claimed, at: datetime) -> None:
    """To its end. Only where this process is stopped meanwhile another one goes on."""
    try:
        await Work(job, at).do()
    except ClaimLost:
        logger.warning("job %s is worked on elsewhere", job.id)
    except asyncio.CancelledError:
        await claims.hand_back(job)
        raise


class Work:
    """One claim on a job. `spent` is what its steps took under the hold it has now."""

    def __init__(self, job: Claimed, at: datetime) -> None:
        self.job = job
        self.at = at
        self.reservation_id = job.reservation_id
        self.held: Amounts = job.held
        self.spent: dict[str, int] = {}
        self.results: dict[str, Any] = {}
        self._is_cancelled = job.is_cancelled
        self._is_lost = False
        self._asking: asyncio.Task[Taken] | None = None

    async def do(self) -> None:
        await self._take_up()
        try:
            async with self._alive():
                await self._steps()
        except (AssistantError, ProviderError, QuotaError, AccountError) as exc:
            await self._end(State.FAILED, error=exc.code)
        except Cancelled:
            await self._end(State.CANCELLED)
        else:
            await self._end(State.COMPLETED, result=list(self.results.values())[-1])

    async def _take_up(self) -> None:
        """What was done before."""
        for step in await claims.kept_steps(self.job.id):
            self.results[step.role] = step.output
            if step.reservation_id == self.reservation_id:
                self.spent = self._spent_with(step.position, step.tokens, step.cost)

    async def _steps(self) -> None:
        self._check()
        if self.job.tries > MOST_TRIES:
            raise GivenUp
        caller = await callers.behind(self.job.user_id, self.job.workspace_id, self.job.api_key_id)
        caller.check_may(Scope.CHAT)
        crew = roles.find(self.job.crew, self.job.kind)
        parts = (await casting.cast(crew, self.job.model, caller))[len(self.results) :]
        if parts and not await self._is_held():
            await self._hold_anew(caller, parts)
        while parts:
            self._check()
            await self._step(parts)
            parts = parts[1:]

    async def _step(self, parts: tuple[Part, ...]) -> None:
        """The first of them."""
        part = parts[0]
        left = {meter: amount - self.spent.get(meter, 0) for meter, amount in self.held.items()}
        max_tokens = await rooms.answer(parts, self.job.brief, self.results, left)
        taken = await self._ask(part, max_tokens)
        position = len(self.results)
        spent = self._spent_with(position, taken.usage.total, taken.cost)
        await claims.keep_step(self.job, position, part.role.slug, taken, self.reservation_id, spent)
        self.spent = spent
        self.results[part.role.slug] = taken.output

    async def _ask(self, part: Part, max_tokens: int) -> Taken:
        self._asking = asyncio.create_task(steps.take(part, self.job.brief, self.results, max_tokens))
        try:
            return await self._asking
        except asyncio.CancelledError:
            self._check()
            raise

    def _spent_with(self, position: int, tokens: int, cost: int) -> dict[str, int]:
        """What the job counts for beside its tokens is charged with its first step."""
        spent = self.spent if position else self.spent | rooms.counts(self.job.kind)
        return spent | {"tokens": spent.get("tokens", 0) + tokens, "cost": spent.get("cost", 0) + cost}

    # ---- what is held for it

    async def _is_held(self) -> bool:
        """By who began it, if it has not waited too long. The hold of a process that died is not ours to go on with."""
        return self.job.tries == 1 and bool(await metering.renew({self.reservation_id: self.spent}))

    async def _hold_anew(self, caller: Caller, parts: tuple[Part, ...]) -> None:
        await self._settle()
        admission = await rooms.hold(
            parts,
            self.job.brief,
            self.results,
            caller=caller,
            counts={} if self.results else rooms.counts(self.job.kind),
            request_id=self.job.request_id,
            at=self.at,
        )
        await claims.hold_anew(self.job, admission.reservation_id, admission.amounts)
        self.reservation_id, self.held, self.spent = admission.reservation_id, admission.amounts, {}

    async def _settle(self, *along: claims.Statement) -> None:
        if self.spent:
            await metering.settle(self.reservation_id, self.spent, basis=Basis.REPORTED, along=list(along))
        else:
            await metering.release(self.reservation_id, along=list(along))

    async def _end(self, state: State, *, error: str = "", result: Any = None) -> None:
        await self._settle(claims.ending(self.job, state, error, result))
        await signals.job_ended.asend_robust(
            Job,
            job_id=self.job.id,
            workspace_id=self.job.workspace_id,
            user_id=self.job.user_id,
            kind=self.job.kind,
            state=state,
        )

    # ---- staying alive

    @asynccontextmanager
    async def _alive(self) -> AsyncIterator[None]:
        keeper = asyncio.create_task(self._keep_alive())
        try:
            yield
        finally:
            keeper.cancel()

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(settings.CHECKPOINT_SECONDS)
            try:
                self._is_cancelled = await claims.renew(self.job, self.reservation_id, self.spent)
            except ClaimLost:
                self._is_lost = True
            except psycopg.Error:
                logger.warning("the lease of job %s was not renewed", self.job.id, exc_info=True)
            if self._asking and (self._is_cancelled or self._is_lost):
                self._asking.cancel()

    def _check(self) -> None:
        """Raises `ClaimLost` or `Cancelled`."""
        if self._is_lost:
            raise ClaimLost
        if self._is_cancelled:
            raise Cancelled
