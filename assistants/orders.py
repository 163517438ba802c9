"""What is asked of a model, and whether there is room for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.callers import Caller
from assistants import estimates, moderation
from assistants.catalogue import Offer
from assistants.models import Turn
from assistants.prices import Usage
from assistants.providers.base import ModelCall, Provider, ProviderError
from quotas import metering, paces
from quotas.errors import QuotaExceeded
from quotas.limits import Limit
from quotas.metering import Admission, Amounts, Ask

MEASURED = ("tokens", "cost")
"""Meters of which an answer may take less, by being shorter."""
UNBOUNDED = 10**15


@dataclass(frozen=True)
class Order:
    """What is asked for, by whom, on which road. `message_id` is the reply of a conversation, filled as it comes, and
    `question_id` what it answers."""

    caller: Caller
    request_id: str
    road: Turn.Road
    offer: Offer
    call: ModelCall
    message_id: UUID | None = None
    question_id: UUID | None = None
    prompt_estimate: int | None = None  # Where more is known of the prompt than can be seen of its body.
    fallbacks: tuple[Offer, ...] = ()
    facts: Any = None  # What of the system prompt people wrote that stands there as JSON.

    @property
    def offers(self) -> tuple[Offer, ...]:
        """All that may answer it."""
        return (self.offer, *self.fallbacks)

    @property
    def streams(self) -> bool:
        return bool(self.call.body.get("stream"))

    @property
    def thinks(self) -> bool:
        """Whether it may think, which is billed and need not be shown."""
        thinking = self.call.body.get("thinking") or {}
        return bool(thinking.get("type", "disabled") != "disabled")

    @property
    def meters(self) -> dict[str, int]:
        """What it counts for beside its tokens."""
        return {"requests": 1, "messages": 1} if self.message_id else {"requests": 1}


@dataclass(frozen=True)
class Room:
    """What is held for an order: its prompt, and so many tokens of an answer that may have `wanted`.

    A room that `grows` holds a first slice, and more as the answer comes; any other is all there will be.
    """

    admission: Admission
    prompt: int
    output: int
    wanted: int
    is_cut: bool = False  # More was asked for than there is.

    @property
    def grows(self) -> bool:
        return self.output < self.wanted


async def reserve_room(order: Order, provider: Provider, at: datetime) -> Room:
    """A stream begins with a slice of its answer and grows; what comes at once, or unseen, has room for all of it.

    The estimate serves while there is room for all that is asked. Near the end of an allowance, or where the size of
    the prompt cannot be seen, a real count is worth its round trip: the answer is cut to what is left, to the last.
    Raises `TooFast` before anything else is looked at, and `ContentRefused` before anything is held.
    """
    pace = await paces.step(order.caller.workspace_id, at)
    await moderation.check(moderation.said_in(order.call.body, order.facts), order.caller)
    wanted = min(order.call.body["max_tokens"], order.offer.max_output)
    first = min(wanted, settings.HOLD_SLICE_TOKENS) if order.streams and not order.thinks else wanted
    prompt = order.prompt_estimate or estimates.prompt_tokens(order.call.body)
    if estimates.is_guesswork(order.call.body):
        prompt = max(prompt, await _counted(order, provider, prompt))
    try:
        admission = await _reserve(order, provider, prompt, Ask(first, first), pace, at)
        if _most(order, provider, admission, prompt, wanted) == wanted:
            return Room(admission, prompt, first, wanted)
        prompt = await _counted(order, provider, prompt)
    except QuotaExceeded as exc:
        if any(limit.meter not in MEASURED or limit.room < 2 for limit in exc.violated):
            raise
        prompt = await _counted(order, provider, prompt)
        admission = await _reserve(order, provider, prompt, Ask(1, first), pace, at)
    most = _most(order, provider, admission, prompt, wanted)
    output = min(most, _output(order, provider, admission.amounts, prompt, wanted))
    return Room(admission, prompt, output, most, is_cut=most < wanted)


async def grow(order: Order, provider: Provider, room: Room, *, delivered: int, at: datetime) -> Room | None:
    """As much again, for an answer that has come so far; `at` is when it was admitted. None: nothing is left."""
    most = min(room.wanted, 2 * max(room.output, delivered))
    asks = _asks(order, provider, room.prompt, min(room.output + 1, most), most)
    admission = await metering.grow(order.caller, room.admission, asks, at=at)
    if admission is None:
        return None
    return replace(room, admission=admission, output=_output(order, provider, admission.amounts, room.prompt, most))


async def _reserve(
    order: Order, provider: Provider, prompt: int, output: Ask, pace: Limit | None, at: datetime
) -> Admission:
    others = {meter: Ask.exactly(amount) for meter, amount in order.meters.items()}
    return await metering.reserve(
        order.caller,
        _asks(order, provider, prompt, output.least, output.most) | others,
        request_id=order.request_id,
        at=at,
        model=order.offer.slug,
        price=order.offer.prices.as_data(),
        pace=pace,
    )


def _asks(order: Order, provider: Provider, prompt: int, least: int, most: int) -> dict[str, Ask]:
    """For an answer of `least` to `most` tokens."""
    costs = [_dearest(order, provider, Usage(input=prompt, output=output)) for output in (least, most)]
    return {"tokens": Ask(prompt + least, prompt + most), "cost": Ask(*costs)}


def _most(order: Order, provider: Provider, admission: Admission, prompt: int, wanted: int) -> int:
    """How many tokens of an answer there is room for, if nobody else takes any meanwhile."""
    hard = [limit for limit in admission.limits_now if limit.hard]
    left = {
        meter: amount + min((limit.room for limit in hard if limit.meter == meter), default=UNBOUNDED)
        for meter, amount in admission.amounts.items()
    }
    return _output(order, provider, left, prompt, wanted)


def _output(order: Order, provider: Provider, amounts: Amounts, prompt: int, wanted: int) -> int:
    """How many tokens of an answer such amounts suffice for, by tokens and by what they cost."""
    by_tokens = amounts["tokens"] - prompt if "tokens" in amounts else wanted
    by_cost = wanted
    if "cost" in amounts and not provider.demo:
        by_cost = min(offer.prices.output_for(amounts["cost"], prompt) for offer in order.offers)
    return min(wanted, by_tokens, by_cost)


def cost(order: Order, provider: Provider, usage: Usage) -> int:
    """In micro-USD. What the demo says costs nobody anything."""
    return 0 if provider.demo else order.offer.prices.cost(usage)


def _dearest(order: Order, provider: Provider, usage: Usage) -> int:
    """Whoever may answer it, what is held suffices for them."""
    return 0 if provider.demo else max(offer.prices.cost(usage) for offer in order.offers)


async def _counted(order: Order, provider: Provider, estimate: int) -> int:
    try:
        return await provider.count_tokens(countable(order.call, order.offer))
    except ProviderError:
        return estimate


def countable(call: ModelCall, offer: Offer) -> ModelCall:
    """What counting the input of a call needs of it."""
    names = ("messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control")
    body = {name: call.body[name] for name in names if name in call.body}
    return ModelCall({"model": offer.upstream_name, **body}, call.beta)
