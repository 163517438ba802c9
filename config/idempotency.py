"""The API's writes that bear an `Idempotency-Key`: claimed, seen through to their end, and answered alike ever after.

A request without the header passes at once. One with it goes on where whoever asked has gone: its answer is for the
next who asks with the same key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils.decorators import async_only_middleware

from accounts import addresses, callers, idempotency
from accounts.errors import AccountError, AnswerNotKept, IdempotencyKeyInUse, IdempotencyKeyReused
from accounts.idempotency import Asked, Former, Packing
from assistants import views as conversations
from assistants.coaching import views as coaching
from assistants.crew import views as crew
from assistants.streaming import EventStream
from assistants.wire import views as wire
from config import errors
from config.middleware import Handler
from config.writes import takes_keys
from quotas import aftermath
from quotas.aftermath import Aftermath

logger = logging.getLogger(__name__)

HEADER = "HTTP_IDEMPOTENCY_KEY"
SAID_AGAIN = ("Content-Type", "Location", "request-id", "X-Stipend-Demo", "X-Stipend-Dropped")
# What tells strangers apart who have no credential that is good.
STRANGERS = ("authorization", "x-api-key", "x-session-token", "cookie")
# Of these the ledger knows whether anything came.
ASK_A_MODEL = {
    wire.messages,
    wire.chat_completions,
    wire.count_tokens,
    conversations.messages,
    conversations.regenerate,
    crew.execute,
    coaching.chat,
    coaching.regenerate,
}
# Whose replies can be found again by the request that asked for them.
KEPT_REPLIES: dict[Any, Any] = {
    conversations.messages: conversations.kept_reply,
    conversations.regenerate: conversations.kept_reply,
    coaching.chat: coaching.kept_reply,
    coaching.regenerate: coaching.kept_reply,
    crew.execute: crew.kept_job,
}
FRAMES_AHEAD = 256

_under_way: set[asyncio.Task[Any]] = set()


@async_only_middleware
def answer_once(get_response: Handler) -> Handler:
    async def handle(request: HttpRequest) -> HttpResponseBase:
        if HEADER not in request.META or not takes_keys(request.method, request.path_info):
            return await get_response(request)
        task = _begin(_answered(get_response, request))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_desert)
            raise

    return handle


async def drain(seconds: float) -> None:
    """Let what is under way keep its answers."""
    if _under_way:
        await asyncio.wait(_under_way, timeout=seconds)


def _begin(work: Any) -> asyncio.Task[Any]:
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return task


def _desert(task: asyncio.Task[HttpResponseBase]) -> None:
    """Nobody sends this answer, so nobody else ends what it holds: a listener, a connection to the database."""
    if not task.cancelled() and task.exception() is None:
        _begin(sync_to_async(task.result().close)())


async def _answered(get_response: Handler, request: HttpRequest) -> HttpResponseBase:
    try:
        asked = await _asked(request)
        kept = await _claimed(request, asked)
    except (AccountError, RequestDataTooBig, Http404, psycopg.OperationalError) as exc:
        refusal = errors.answer(request, exc)
        if refusal is None:
            raise
        return refusal
    return kept or await _first_answer(get_response, request, asked)


# ---- who asks, and whether it is answered already -------------------------------------------------------------------


async def _asked(request: HttpRequest) -> Asked:
    streams = conversations.EVENT_STREAM in request.headers.get("accept", "")
    what = f"{request.method} {request.get_full_path()} {'stream' if streams else ''}"
    scope, user_id = await _scope(request)
    return Asked(request.META[HEADER], scope, user_id, what, request.body, request.headers["X-Request-ID"])


async def _scope(request: HttpRequest) -> tuple[str, Any]:
    """Whose key it is. A credential that is not good is refused by the view, and counts as a stranger's until then."""
    try:
        caller = await callers.arecognise(request.headers)
    except AccountError:
        network = addresses.network(addresses.client_address(request))
        return "\n".join([network, *(request.headers.get(name, "") for name in STRANGERS)]), None
    return f"{caller.user_id} {caller.workspace_id} {caller.key_id}", caller.user_id


async def _claimed(request: HttpRequest, asked: Asked) -> HttpResponseBase | None:
    """The answer there is; None where it is ours to give. Raises `IdempotencyKeyInUse`, `IdempotencyKeyReused` or
    `AnswerNotKept`."""
    former = await idempotency.claim(asked)
    if former is None:
        return None
    if not former.is_same:
        raise IdempotencyKeyReused
    if former.status is None:
        return await _resumed(request, asked, former)
    if former.answer is None:
        raise AnswerNotKept
    return _again(HttpResponse(former.answer.body, status=former.status, headers=dict(former.answer.headers)))


async def _resumed(request: HttpRequest, asked: Asked, former: Former) -> HttpResponseBase | None:
    """After a process died: what is known of it; None where it did nothing, and may be done now."""
    if not former.abandoned:
        raise IdempotencyKeyInUse
    came = await aftermath.of(former.request_id)
    if came is Aftermath.UNDER_WAY:
        raise IdempotencyKeyInUse
    view = resolve(request.path_info)
    if view.func in KEPT_REPLIES:
        reply = await KEPT_REPLIES[view.func](request, former.request_id, **view.kwargs)
        if reply:
            return _again(reply)
    # Put, patched or deleted twice is the same as once. Of what was posted only the ledger can tell.
    if came is Aftermath.CHARGED or (request.method == "POST" and view.func not in ASK_A_MODEL):
        raise AnswerNotKept
    if not await idempotency.take_over(asked, former):
        raise IdempotencyKeyInUse
    return None


def _again(response: HttpResponseBase) -> HttpResponseBase:
    response["Idempotent-Replayed"] = "true"
    return response


# ---- the first answer -----------------------------------------------------------------------------------------------


async def _first_answer(get_response: Handler, request: HttpRequest, asked: Asked) -> HttpResponseBase:
    async with _alive(asked):
        response = await get_response(request)
        if isinstance(response, EventStream):
            Recording(asked, response)
        elif isinstance(response, HttpResponse):
            await _keep(asked, _packing(response).add(response.content))
        return response


async def _keep(asked: Asked, packing: Packing) -> None:
    """Before it is told, so that whoever has heard an answer can have it again."""
    try:
        if await _is_final(asked, packing.status):
            await idempotency.keep(asked, packing)
        else:
            await idempotency.release(asked)
    except psycopg.Error:
        # The lease runs out, and what the ledger knows decides.
        logger.warning("the answer to %s was not kept", asked.request_id, exc_info=True)


async def _is_final(asked: Asked, status: int) -> bool:
    """A refusal did nothing and may turn out otherwise; a card that was declined, and what is charged, stay."""
    return status < 400 or status == 402 or await aftermath.of(asked.request_id) is not Aftermath.NOTHING


def _packing(response: HttpResponseBase) -> Packing:
    return Packing(response.status_code, {name: response[name] for name in SAID_AGAIN if name in response})


@asynccontextmanager
async def _alive(asked: Asked) -> AsyncIterator[None]:
    """Nobody else takes the key meanwhile."""
    keeper = asyncio.create_task(_renew(asked))
    try:
        yield
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def _renew(asked: Asked) -> None:
    while True:
        await asyncio.sleep(settings.RESERVATION_LEASE.total_seconds() / 3)
        try:
            await idempotency.renew(asked)
        except psycopg.Error:
            logger.warning("the lease of %s was not renewed", asked.request_id, exc_info=True)


class Recording:
    """A stream that goes on to its end and is kept, whether somebody listens or nobody any more."""

    def __init__(self, asked: Asked, response: EventStream) -> None:
        self._asked = asked
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(FRAMES_AHEAD)
        self._deserted = False
        frames, packing = response.streaming_content, _packing(response)
        response.streaming_content = self._hear()
        response.audience = self
        self._task = _begin(self._run(frames, packing))

    def leave(self) -> None:
        self._deserted = True
        while not self._queue.empty():  # which lets go on whoever waits for room in it
            self._queue.get_nowait()

    async def _run(self, frames: Any, packing: Packing) -> None:
        try:
            async with _alive(self._asked):
                async for frame in frames:
                    packing.add(frame)
                    await self._hand_on(frame)
                await _keep(self._asked, packing)
        finally:
            await self._hand_on(None)

    async def _hand_on(self, frame: bytes | None) -> None:
        """Who takes nothing for too long is let go, before the turn would let go of us."""
        if self._deserted:
            return
        try:
            async with asyncio.timeout(settings.STALLED_LISTENER_SECONDS):
                await self._queue.put(frame)
        except TimeoutError:
            self.leave()
            self._queue.put_nowait(None)

    async def _hear(self) -> AsyncIterator[bytes]:
        while (frame := await self._queue.get()) is not None:
            yield frame
        await asyncio.shield(self._task)  # Where it failed, the stream breaks.
