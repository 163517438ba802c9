"""Which model plays each role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.callers import Caller
from assistants import catalogue, providers
from assistants.catalogue import Offer
from assistants.crew.roles import Crew, Role
from assistants.prices import Usage
from assistants.providers.base import Provider
from billing import subscriptions
from quotas.errors import ModelNotAllowed, ModelNotInPlan


@dataclass(frozen=True)
class Part:
    role: Role
    offer: Offer

    @property
    def provider(self) -> Provider:
        return providers.of(self.offer)

    def cost(self, usage: Usage) -> int:
        """In micro-USD. What the demo says costs nobody anything."""
        return 0 if self.provider.demo else self.offer.prices.cost(usage)


async def cast(crew: Crew, asked: str, caller: Caller) -> tuple[Part, ...]:
    """The model asked for plays every role; where none is, each role's own plays it, or else the first that the plan
    and the key may use. Raises `UnknownModel`, `ModelNotInPlan`, `ModelNotAllowed`."""
    usable = await _usable(caller)
    if asked:
        offer = await _checked(asked, usable, caller)
        return tuple(Part(role, offer) for role in crew.roles)
    first = next(iter(usable.values()), None)
    if first is None:
        raise ModelNotAllowed("")
    return tuple(Part(role, usable.get(role.model or "", first)) for role in crew.roles)


async def _usable(caller: Caller) -> dict[str, Offer]:
    allowed = (await subscriptions.acurrent_plan(caller.workspace_id)).allowed_models
    offers = await catalogue.offers()
    return {slug: offer for slug, offer in offers.items() if caller.may_use(slug) and (not allowed or slug in allowed)}


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
