"""A chain: a model, and those asked in its place where its provider is busy or broken before the first token.

What the client got wrong is told at once. A stand-in that cannot do what is asked is passed over: the client did not
choose it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from accounts.callers import Caller
from assistants import catalogue, providers
from assistants.catalogue import Offer
from assistants.prices import Usage
from assistants.providers import breaker
from assistants.providers.base import ModelCall, Provider, ProviderError, ProviderRejected
from assistants.reading import Event, Reading


@dataclass(frozen=True)
class Link:
    offer: Offer
    provider: Provider

    def cost(self, usage: Usage) -> int:
        """In micro-USD. What the demo says costs nobody anything."""
        return 0 if self.provider.demo else self.offer.prices.cost(usage)

    def call(self, call: ModelCall) -> ModelCall:
        """The same asked of this model, which may write shorter answers."""
        most = min(call.body["max_tokens"], self.offer.max_output)
        return replace(call, body={**call.body, "model": self.offer.upstream_name, "max_tokens": most})


class Chain:
    """Who is asked now is its `link`; `tried` are those before, each with `model`, `provider`, `error`."""

    def __init__(self, first: Link, fallbacks: Sequence[Offer] = ()) -> None:
        self.link = first
        self.tried: list[dict[str, str]] = []
        self._left = list(fallbacks)
        self._first_failure: ProviderError | None = None
        self._asked_at = 0.0

    @property
    def has_next(self) -> bool:
        return bool(self._left)

    def ask(self) -> None:
        """Before a call. Raises `LeftAlone` where the provider's breaker is open."""
        self._asked_at = time.monotonic()
        breaker.of(self.link.provider.name).ask(self._asked_at)

    def answered(self) -> None:
        breaker.of(self.link.provider.name).answered(self._asked_at)

    def failed(self, failure: ProviderError, *, delivered: bool = False) -> None:
        """Turn to the next. Raises what a client is told where there is none, or a part of the answer is delivered."""
        breaker.of(self.link.provider.name).failed(failure, self._asked_at, time.monotonic())
        is_rejected = isinstance(failure, ProviderRejected)
        if delivered or (is_rejected and not self._first_failure):
            raise failure
        if not self._left:
            raise self._first_failure if is_rejected and self._first_failure else failure
        self._first_failure = self._first_failure or failure
        told = {"model": self.link.offer.slug, "provider": self.link.provider.name, "error": failure.code}
        self.tried.append(told)
        self.link = link_of(self._left.pop(0))


def link_of(offer: Offer) -> Link:
    return Link(offer, providers.of(offer))


async def fallbacks_of(offer: Offer, caller: Caller) -> tuple[Offer, ...]:
    """Those asked in its place, in order: on offer, the caller's to use, and no demo, which nobody asked for."""
    if not offer.fallbacks or providers.of(offer).demo:
        return ()
    allowed = await catalogue.allowed(caller)
    found = [allowed[slug] for slug in offer.fallbacks if slug in allowed and slug != offer.slug]
    return tuple(other for other in found if not providers.of(other).demo)


async def answer(chain: Chain, call: ModelCall) -> tuple[Event, Reading]:
    """The whole answer of the first who gives one, and what it took; `chain.link` says whose it is.

    Raises `ProviderError`.
    """
    while True:
        reading = Reading()
        try:
            chain.ask()
            message = reading.read_message(await chain.link.provider.complete(chain.link.call(call)))
        except ProviderError as exc:
            chain.failed(exc)
        else:
            chain.answered()
            return message, reading
