"""What a crew's work may take: one estimate for all its steps, and what is left of that for the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistants import estimates, providers
from assistants.crew import steps
from assistants.crew.casting import Part
from assistants.errors import OutOfRoom
from assistants.models import Job
from assistants.prices import Usage
from quotas.metering import Amounts, Ask

# A step whose answer may have less than this part of what its role may say is not begun.
LEAST_SHARE = 0.4
WHOLE = 1.0


def counts(kind: str) -> dict[str, int]:
    """What a job counts for beside its tokens."""
    return {"requests": 1, "operations": 1} if kind == Job.Kind.OPERATION else {"requests": 1}


def asks(
    parts: Sequence[Part], brief: Mapping[str, Any], earlier: Mapping[str, Any], counted: Amounts
) -> dict[str, Ask]:
    """For these parts together, each of which reads what those before it wrote; beside tokens and cost what is
    `counted` exactly."""
    least = _estimate(parts, brief, earlier, LEAST_SHARE)
    most = _estimate(parts, brief, earlier, WHOLE)
    estimated = {meter: Ask(least[meter], most[meter]) for meter in most}
    return estimated | {meter: Ask.exactly(amount) for meter, amount in counted.items()}


def answer(part: Part, brief: Mapping[str, Any], earlier: Mapping[str, Any], left: Amounts) -> int:
    """How many tokens this step's answer may have, of what is left of each meter. Raises `OutOfRoom`."""
    wanted = part.role.max_tokens
    prompt = _prompt(part, brief, earlier)
    room = min(wanted, left["tokens"] - prompt) if "tokens" in left else wanted
    if "cost" in left and not providers.of(part.offer).demo:
        room = min(room, part.offer.prices.output_for(left["cost"], prompt))
    if room < _least(part):
        raise OutOfRoom(f"What is left of the allowance does not suffice for {part.role.name}.")
    return room


def _estimate(
    parts: Sequence[Part], brief: Mapping[str, Any], earlier: Mapping[str, Any], share: float
) -> dict[str, int]:
    tokens = cost = written = 0
    for part in parts:
        usage = Usage(input=_prompt(part, brief, earlier) + written, output=round(part.role.max_tokens * share))
        tokens += usage.total
        cost += 0 if providers.of(part.offer).demo else part.offer.prices.cost(usage)
        written += usage.output
    return {"tokens": tokens, "cost": cost}


def _prompt(part: Part, brief: Mapping[str, Any], earlier: Mapping[str, Any]) -> int:
    return estimates.prompt_tokens(steps.request(part, brief, earlier, 1))


def _least(part: Part) -> int:
    return round(part.role.max_tokens * LEAST_SHARE)
