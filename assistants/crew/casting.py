"""Which model plays each role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.callers import Caller
from assistants import catalogue, chain, providers
from assistants.catalogue import Offer
from assistants.chain import Chain, link_of
from assistants.crew.roles import Crew, Role
from assistants.prices import Usage
from assistants.providers.base import Provider
from billing import subscriptions
from quotas.errors import ModelNotAllowed, ModelNotInPlan


@dataclass(frozen=True)
class Part:
    """A role and who plays it: the model that is offered, or one of its `fallbacks`."""

    role: Role
    offer: Offer
    fallbacks: tuple[Offer, ...]

    @property
    def chain(self) -> Chain:
        return Chain(link_of(self.offer), self.fallbacks)

    @property
    def provider(self) -> Provider:
        return providers.of(self.offer)

    def cost(self, usage: Usage) -> int:
        """In micro-USD, where the dearest of them answers."""
        return max(link_of(offer).cost(usage) for offer in (self.offer, *self.fallbacks))


async def cast(crew: Crew, asked: str, caller: Caller) -> tuple[Part, ...]:
    """The model asked for plays every role; where none is, each role's own plays it, or else the first that the plan
    and the key may use. Raises `UnknownModel`, `ModelNotInPlan`, `ModelNotAllowed`."""
    usable = await catalogue.allowed(caller)
    first = await _checked(asked, usable, caller) if asked else next(iter(usable.values()), None)
    if first is None:
        raise ModelNotAllowed("")
    offers = [first if asked else usable.get(role.model or "", first) for role in crew.roles]
    return tuple(
        [
            Part(role, offer, await chain.fallbacks_of(offer, caller))
            for role, offer in zip(crew.roles, offers, strict=True)
        ]
    )


async def _checked(asked: str, usable: dict[str, Offer], caller: Caller) -> Offer:
    offer = await catalogue.find(asked)
    if asked not in usable and caller.may_use(asked):
        raise ModelNotInPlan(asked, (await subscriptions.acurrent_plan(caller.workspace_id)).slug)
    if asked not in usable:
        raise ModelNotAllowed(asked)
    return offer


def model_of(parts: Sequence[Part]) -> str:
    """The one that plays every part; empty where there are several."""
    models = {part.offer.slug for part in parts}
    return models.pop() if len(models) == 1 else ""


def prices_of(parts: Sequence[Part]) -> dict[str, Any]:
    """By model, for the ledger."""
    return {part.offer.slug: part.offer.prices.as_data() for part in parts}
