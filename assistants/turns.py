"""A turn: one call of a model, from the reservation to the record.

`start` reserves and sets a task going that owns the provider's stream and the settlement. Whoever asked only listens:
hanging up ends the listening, and the task settles what was delivered. However it ends, it ends in `_finish`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from psycopg import OperationalError

from assistants import estimates, orders, records, running
from assistants.catalogue import Offer
from assistants.chain import Chain, Link
from assistants.listening import Listener
from assistants.models import Message, Turn
from assistants.orders import Order, Room
from assistants.prices import Usage
from assistants.providers.base import NobodyListened, Provider, ProviderBroken, ProviderError
from assistants.reading import QUOTA, STOPPED, Event, Piece, Reading, joined
from assistants.signals import turn_completed
from quotas import metering, refusals
from quotas.limits import Limit
from quotas.metering import Admission
from quotas.models import Basis

logger = logging.getLogger(__name__)

PAUSES_BETWEEN_SETTLEMENTS = (0.2, 1.0, 3.0)


@dataclass(eq=False)
class LiveTurn:
    """A turn under way."""

    order: Order
    provider: Provider
    room: Room
    created_at: datetime
    reading: Reading = field(init=False)
    chain: Chain = field(init=False)
    asked: str = field(init=False)
    # As long as nothing else is known it has failed, so that whatever happens to the task, it ends as a failure.
    failure: ProviderError | None = field(default_factory=lambda: ProviderBroken("The answer broke off."))
    answer: Event | None = None
    raw: bytes = b""
    _listeners: list[Listener] = field(default_factory=list)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _begun: float = field(default_factory=time.monotonic)
    _first_token_seconds: float | None = None
    _last: Piece | None = None
    _over: bool = False
    _settled: bool = False
    _cut: bool = False
    _stop_asked: bool = False
    _is_full: bool = False
    usage: Usage = field(default_factory=Usage)
    basis: Basis | None = None
    listener: Listener = field(init=False)
    task: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Reading(is_cut=self.room.is_cut)
        self.chain = Chain(Link(self.order.offer, self.provider), self._fitting(self.order.fallbacks))
        self.asked = self.order.offer.slug

    @property
    def admission(self) -> Admission:
        return self.room.admission

    def begin(self) -> None:
        # Whoever asked listens from the start, so that nothing passes unheard.
        self.listener = self.listen()
        self.task = asyncio.create_task(self._run())
        running.add(self)

    # ---- for those who listen

    def listen(self) -> Listener:
        listener = Listener(self)
        self._listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """The last to leave a wire stream ends it; a conversation waits a moment for them to come back."""
        if listener not in self._listeners:
            return
        self._listeners.remove(listener)
        if not self._listeners and not self._over:
            self._soon(self._abandon, settings.RESUME_SECONDS if self.order.message_id else 0)

    async def opened(self) -> None:
        """Wait for the first bytes. Raises the `ProviderError` when it ended before any."""
        await self._opened.wait()
        if self._over and self.failure and not self.reading.started:
            raise self.failure

    async def finished(self) -> Event | None:
        """Wait for the end; the answer if it was not streamed. The task goes on where the one who waits goes."""
        try:
            await asyncio.shield(self.task)
        except asyncio.CancelledError:
            self.leave(self.listener)
            raise
        if self.failure:
            raise self.failure
        return self.answer

    # ---- the task

    async def _run(self) -> None:
        try:
            await self._deliver()
        finally:
            self._over = True
            try:
                await self._finish()
            finally:
                running.remove(self)
                self._conclude()

    async def _deliver(self) -> None:
        try:
            while not await self._is_answered():
                await self._turn_to_next()
            self.failure = None
        except asyncio.CancelledError:
            # Nobody listens any more, or the server is stopping: what was delivered is settled all the same.
            self.task.uncancel()
            if self._stop_asked:
                self._end_as_asked()
        except ProviderError as exc:
            self.failure = exc

    async def _is_answered(self) -> bool:
        """False: another model is to be asked."""
        try:
            self.chain.ask()
            await (self._relay() if self.order.streams else self._complete())
        except ProviderError as exc:
            self.chain.failed(exc, delivered=self.reading.delivers)
            return False
        self.chain.answered()
        return True

    async def _turn_to_next(self) -> None:
        """From here on it is the next model's answer, at its price."""
        link = self.chain.link
        price = link.offer.prices.as_data()
        await metering.reassign(self.admission.reservation_id, model=link.offer.slug, price=price)
        self.order = replace(self.order, offer=link.offer, call=link.call(self.order.call))
        self.provider = link.provider
        self.reading = Reading(is_cut=self.room.is_cut)

    def _fitting(self, offers: Sequence[Offer]) -> list[Offer]:
        """Those whose context holds the prompt."""
        room = self.room
        return [offer for offer in offers if room.prompt + min(room.wanted, offer.max_output) <= offer.context]

    async def _relay(self) -> None:
        """Hand on piece by piece, but keep back the one that ends the answer until it is settled.

        While another model may still be asked, nothing is handed on before the first token.
        """
        waiting: list[Piece] | None = [] if self.chain.has_next else None
        async with aclosing(self.provider.stream(self.order.call)) as chunks:
            async for chunk in chunks:
                piece = self.reading.feed(chunk)
                self._note_first_token()
                if waiting is not None:
                    waiting.append(piece)
                    if not (self.reading.delivers or self.reading.ended):
                        self._raise_failure()
                        continue
                    piece, waiting = joined(waiting), None
                if self.reading.ended:
                    self._last = piece
                    return
                await self._hand_on(piece)
                self._raise_failure()
                if not await self._has_room():
                    self._cut_off()
                    return
        raise ProviderBroken("The provider ended the stream before the answer was whole.")

    def _raise_failure(self) -> None:
        if self.reading.failure:
            raise self.reading.failure

    async def _has_room(self) -> bool:
        """Whether the answer may go on; what is held for it grows as it comes, rather too early than too late."""
        length, room = self.reading.delivered_bytes, self.room
        if not room.grows or (estimates.cautious_tokens(length) < room.output and not self.reading.thinks):
            return True
        if not self._is_full:
            # What is thought need not be shown, so all that it may take is held at once.
            seen = room.wanted if self.reading.thinks else estimates.cautious_tokens(length)
            grown = await orders.grow(
                replace(self.order, fallbacks=()), self.provider, room, delivered=seen, at=self.created_at
            )
            self._is_full = grown is None or self.reading.thinks
            self.room = grown or room
        # Where all that was asked is held, the provider itself ends in time.
        return not self.room.grows or estimates.bytes_tokens(length) < self.room.output

    def _cut_off(self) -> None:
        """The allowance is used up in the middle of the answer: it ends here, and is charged as far as it came."""
        self._cut = True
        self.reading.stop_reason = QUOTA

    def _end_as_asked(self) -> None:
        self.failure = None
        if not self.reading.ended:
            self._cut = True
            self.reading.stop_reason = STOPPED

    async def _complete(self) -> None:
        self.raw = await self.provider.complete(self.order.call)
        self.answer = self.reading.read_message(self.raw)
        if self.room.is_cut:
            self.raw = json.dumps(self.answer, ensure_ascii=False).encode(errors="replace")
        self._note_first_token()

    async def _hand_on(self, piece: Piece) -> None:
        if not piece.events:
            return
        self._opened.set()
        if full := [listener for listener in self._listeners if not listener.take(piece)]:
            await asyncio.gather(*(listener.take_in_time(piece) for listener in full))

    def _conclude(self) -> None:
        if not self._settled:
            self.failure = ProviderBroken("The answer could not be settled. It is charged later, or not at all.")
        if self.failure:
            self.failure.limits = self.limits
        if self._cut:
            self._last = self.reading.closing(self.usage.output)
        for listener in self._listeners:
            listener.end(None if self.failure else self._last)
        self._opened.set()

    def desert(self) -> None:
        """Whoever asked is gone before hearing anything."""
        self.leave(self.listener)

    def _abandon(self) -> None:
        if not (self._over or self._listeners or self._bills_unseen):
            self.failure = NobodyListened("Nobody listened any more, so the answer was ended.")
            self.task.cancel()

    @property
    def _bills_unseen(self) -> bool:
        """Only the provider's report says what it bills: for an answer that is not streamed, and for thinking, which
        may not be shown. It is waited for, though nobody listens."""
        return not self.order.streams or self.reading.thinks or self.order.thinks

    def _soon(self, call: Callable[[], object], seconds: float = 0) -> None:
        # Never at once: a task that is cancelled before its first step would end without settling.
        asyncio.get_running_loop().call_later(seconds, call)

    def stop(self) -> None:
        """End it now, as when the server stops; those who listen are told."""
        if not self._over:
            self.failure = ProviderBroken("The server is restarting. What was delivered is charged; ask again.")
            self._soon(self.task.cancel)

    async def end_early(self) -> None:
        """End the answer here, as whoever asked wishes: it is whole as it stands. Returns once it is settled."""
        self.ask_to_end()
        await asyncio.shield(self.task)

    def ask_to_end(self) -> None:
        """The same without waiting."""
        self._soon(self._end_early)

    def _end_early(self) -> None:
        if not self._over:
            self._stop_asked = True
            self.task.cancel()

    def _note_first_token(self) -> None:
        if self._first_token_seconds is None and self.reading.delivers:
            self._first_token_seconds = time.monotonic() - self._begun

    # ---- the end of it

    async def _finish(self) -> None:
        self.usage, self.basis = await self._outcome()
        for pause in PAUSES_BETWEEN_SETTLEMENTS:
            try:
                return await self._resolve()
            except OperationalError:
                logger.warning("turn %s is not settled yet", self.order.request_id)
                await asyncio.sleep(pause)
        # The last try may fail: the sweeper settles by the checkpoint what stays pending.
        return await self._resolve()

    async def _outcome(self) -> tuple[Usage, Basis | None]:
        """What to charge, and what that rests on; None: nothing was delivered, so nothing is charged.

        A client that hangs up or stops it before the first token has had its prompt read, and pays. Where the provider
        breaks off before the first token nobody does.
        """
        reading = self.reading
        if reading.reported:
            return reading.usage, Basis.REPORTED if self._listeners else Basis.DRAINED
        hung_up = reading.started and (self._stop_asked or not self._listeners)
        if not (reading.delivers or hung_up):
            return Usage(), None
        model = self.order.offer.upstream_name
        delivered = await estimates.delivered_tokens(self.provider, model, reading.delivered)
        reading.usage.output = max(reading.usage.output, delivered)
        return reading.usage, Basis.ESTIMATED

    async def _resolve(self) -> None:
        along = records.of_turn(self)
        if self.basis:
            await metering.settle(self.admission.reservation_id, self._spent, basis=self.basis, along=along)
        else:
            await metering.release(self.admission.reservation_id, along=along)
        self._settled = True
        self._announce()

    def _announce(self) -> None:
        caller = self.order.caller
        turn_completed.send_robust(
            LiveTurn,
            workspace_id=caller.workspace_id,
            user_id=caller.user_id,
            model=self.order.offer.slug,
            outcome=self.outcome,
            error=self.failure.code if self.failure else "",
            tokens=self.usage.total if self.basis else 0,
            usage=asdict(self.usage) if self.basis else {},
            cost=self.cost if self.basis else 0,
            first_token_ms=self.first_token_ms,
        )

    @property
    def _spent(self) -> metering.Amounts:
        return {"tokens": self.usage.total, "cost": self.cost, **self.order.meters} if self.basis else {}

    @property
    def limits(self) -> list[Limit]:
        """Of whoever asked, as they stand now: with what is held, and once that is settled with what was charged."""
        return self.admission.limits_after(self._spent) if self._settled else self.admission.limits_now

    @property
    def cost(self) -> int:
        """In micro-USD."""
        return orders.cost(self.order, self.provider, self.usage)

    @property
    def fallback(self) -> str:
        """The model that answers in the place of the one asked for; blank where that one does."""
        return self.order.offer.slug if self.chain.tried else ""

    @property
    def text(self) -> str:
        """The answer people read, as far as it has come."""
        return self.reading.text

    @property
    def first_token_ms(self) -> int | None:
        return None if self._first_token_seconds is None else round(self._first_token_seconds * 1000)

    @property
    def duration_ms(self) -> int:
        return round((time.monotonic() - self._begun) * 1000)

    @property
    def outcome(self) -> Turn.Outcome:
        if self.failure is None:
            return Turn.Outcome.COMPLETED
        return Turn.Outcome.INCOMPLETE if self.reading.delivers else Turn.Outcome.FAILED

    @property
    def message_state(self) -> Message.State:
        return Message.State(self.outcome.value)

    def checkpoint(self) -> metering.Amounts:
        """What to charge should this process die now."""
        if not self.reading.delivers:
            return {}
        delivered = estimates.bytes_tokens(self.reading.delivered_bytes)
        usage = replace(self.reading.usage, output=max(self.reading.usage.output, delivered))
        cost = orders.cost(self.order, self.provider, usage)
        return {"tokens": usage.total, "cost": cost, **self.order.meters}


async def start(order: Order, provider: Provider, *, at: datetime) -> LiveTurn:
    """Reserve and begin. Raises as `admit` does."""
    return await unhurried(_start(order, provider, at))


async def _start(order: Order, provider: Provider, at: datetime) -> LiveTurn:
    turn = await admit(order, provider, at=at)
    turn.begin()
    return turn


async def unhurried(beginning: Coroutine[Any, Any, LiveTurn]) -> LiveTurn:
    """Let a turn begin even where whoever asked has gone meanwhile, and desert it then.

    Cut off between reserving and beginning, its hold would stay until the lease runs out.
    """
    task = asyncio.create_task(beginning)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_desert)
        raise


def _desert(beginning: asyncio.Task[LiveTurn]) -> None:
    if not beginning.cancelled() and beginning.exception() is None:
        beginning.result().desert()


async def admit(order: Order, provider: Provider, *, at: datetime) -> LiveTurn:
    """Reserve; nothing is asked of the model before `begin`.

    Raises `ContentRefused`, `QuotaExceeded` or `ModelNotInPlan`.
    """
    with refusals.announced(order.caller):
        room = await orders.reserve_room(order, provider, at)
    body = {**order.call.body, "model": order.offer.upstream_name, "max_tokens": room.wanted}
    return LiveTurn(replace(order, call=replace(order.call, body=body)), provider, room, at)
