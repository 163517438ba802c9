"""What a crew's work may take: one hold for all its steps, and of that what the next one may have.

Each step reads what those before it wrote, so a long answer is paid for again with every prompt behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts.callers import Caller
from assistants import estimates, orders
from assistants.crew import casting, steps
from assistants.crew.casting import Part
from assistants.errors import OutOfRoom
from assistants.models import Job
from assistants.orders import MEASURED
from assistants.prices import Usage
from assistants.providers.base import ModelCall, ProviderError
from quotas import metering
from quotas.errors import QuotaExceeded
from quotas.limits import Limit
from quotas.metering import Admission, Amounts, Ask

# A step whose answer may have less than this part of what its role may say is not begun.
LEAST_SHARE = 0.33
WHOLE = 1.0

Material = Mapping[str, Any]
Prompts = Sequence[int]
"""Tokens of each part's prompt, without what is still to be written."""


async def hold(
    parts: Sequence[Part],
    brief: Material,
    earlier: Material,
    *,
    caller: Caller,
    counts: Amounts,
    request_id: str,
    at: datetime,
    pace: Limit | None = None,
) -> Admission:
    """For these parts together, and what the job `counts` for beside. Raises `QuotaExceeded`.

    The estimate serves while there is room for it; where there is not, the providers count the prompts.
    """

    async def reserve(prompts: Prompts) -> Admission:
        return await metering.reserve(
            caller,
            _asks(parts, prompts) | {meter: Ask.exactly(amount) for meter, amount in counts.items()},
            request_id=request_id,
            at=at,
            model=casting.model_of(parts),
            price=casting.prices_of(parts),
            pace=pace,
        )

    try:
        return await reserve(_estimated(parts, brief, earlier))
    except QuotaExceeded as exc:
        if any(limit.meter not in MEASURED for limit in exc.violated):
            raise
        return await reserve(await _counted(parts, brief, earlier))


async def answer(parts: Sequence[Part], brief: Material, earlier: Material, left: Amounts) -> int:
    """How many tokens the first of these parts may answer, with what is `left` of each meter for all of them. Raises
    `OutOfRoom`."""
    try:
        return _answer(parts, _estimated(parts, brief, earlier), left)
    except OutOfRoom:
        return _answer(parts, await _counted(parts, brief, earlier), left)


def counts(kind: str) -> dict[str, int]:
    """What a job counts for beside its tokens."""
    return {"requests": 1, "operations": 1} if kind == Job.Kind.OPERATION else {"requests": 1}


def _asks(parts: Sequence[Part], prompts: Prompts) -> dict[str, Ask]:
    least, most = _needs(parts, prompts, LEAST_SHARE), _needs(parts, prompts, WHOLE)
    return {meter: Ask(least[meter], most[meter]) for meter in most}


def _answer(parts: Sequence[Part], prompts: Prompts, left: Amounts) -> int:
    """So many that those behind can still give the least of theirs, having read it."""
    part, later = parts[0], _needs(parts[1:], prompts[1:], LEAST_SHARE)
    room = part.role.max_tokens
    if "tokens" in left:
        room = min(room, (left["tokens"] - prompts[0] - later["tokens"]) // len(parts))
    if "cost" in left and not part.provider.demo:
        room = min(room, part.offer.prices.output_for(left["cost"] - later["cost"], prompts[0]))
    if room < _share(part, LEAST_SHARE):
        raise OutOfRoom(f"What is left of the allowance does not suffice for the {part.role.name.lower()}.")
    return room


def _needs(parts: Sequence[Part], prompts: Prompts, share: float) -> dict[str, int]:
    """Of tokens and cost, where each answers that share of what it may."""
    tokens = cost = written = 0
    for part, prompt in zip(parts, prompts, strict=True):
        usage = Usage(input=prompt + written, output=_share(part, share))
        tokens += usage.total
        cost += part.cost(usage)
        written += usage.output
    return {"tokens": tokens, "cost": cost}


def _share(part: Part, share: float) -> int:
    return round(part.role.max_tokens * share)


def _estimated(parts: Sequence[Part], brief: Material, earlier: Material) -> Prompts:
    return [estimates.prompt_tokens(steps.request(part, brief, earlier, 1)) for part in parts]


async def _counted(parts: Sequence[Part], brief: Material, earlier: Material) -> Prompts:
    """By the providers, or by us where one cannot be asked."""
    return await asyncio.gather(*(_count(part, brief, earlier) for part in parts))


async def _count(part: Part, brief: Material, earlier: Material) -> int:
    body = steps.request(part, brief, earlier, 1)
    try:
        return await part.provider.count_tokens(orders.countable(ModelCall(body), part.offer))
    except ProviderError:
        return estimates.prompt_tokens(body)
