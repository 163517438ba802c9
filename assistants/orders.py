"""What is asked of a model, and whether there is room for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.callers import Caller
from assistants import estimates
from assistants.catalogue import Offer
from assistants.models import Turn
from assistants.providers.base import ModelCall, Provider, ProviderError
from quotas import metering
from quotas.errors import QuotaExceeded
from quotas.metering import Admission, Ask


@dataclass(frozen=True)
class Order:
    """What is asked for, by whom, on which road. `message_id` is the reply of a conversation, filled as it comes."""

    caller: Caller
    request_id: str
    road: Turn.Road
    offer: Offer
    call: ModelCall
    message_id: UUID | None = None

    @property
    def streams(self) -> bool:
        return bool(self.call.body.get("stream"))

    @property
    def meters(self) -> dict[str, int]:
        """What it counts for beside its tokens."""
        return {"requests": 1, "messages": 1} if self.message_id else {"requests": 1}


async def reserve_room(order: Order, provider: Provider, at: datetime) -> tuple[Admission, int]:
    """The admission, and how many tokens the answer may have.

    The estimate serves while there is room for all that is asked. Near the end of an allowance, or where the size of
    the prompt cannot be seen, a real count is worth its round trip: the answer is cut to what is left, to the last.
    """
    wanted = min(order.call.body["max_tokens"], order.offer.max_output)
    estimate = estimates.prompt_tokens(order.call.body)
    if estimates.is_guesswork(order.call.body):
        estimate = max(estimate, await _counted(order, provider, estimate))
    try:
        return await _reserve(order, Ask.exactly(estimate + wanted), at), wanted
    except QuotaExceeded as exc:
        if any(limit.meter != "tokens" or limit.remaining < 2 for limit in exc.violated):
            raise
    prompt = await _counted(order, provider, estimate)
    admission = await _reserve(order, Ask(least=prompt + 1, most=prompt + wanted), at)
    return admission, min(wanted, (admission.held("tokens") or wanted + prompt) - prompt)


async def _reserve(order: Order, tokens: Ask, at: datetime) -> Admission:
    others = {meter: Ask.exactly(amount) for meter, amount in order.meters.items()}
    return await metering.reserve(
        order.caller,
        {"tokens": tokens, **others},
        request_id=order.request_id,
        at=at,
        model=order.offer.slug,
        price=order.offer.prices.as_data(),
    )


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
