"""A breaker per provider: one that fails again and again is left alone for a while, so that nobody waits in vain.

It is closed at first, and open once so many calls in a row have failed. After a pause one call is let through to see:
if that is answered the breaker closes, if not the pause begins anew. Each process learns by itself. Moments are
seconds of a clock that only goes on.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from assistants.providers.base import ProviderBroken, ProviderBusy, ProviderError, ProviderRejected
from assistants.signals import provider_left_alone

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """Open after so many `failures` in a row within a `window`, for a `pause`, both in seconds."""

    failures: int
    window: float
    pause: float


class LeftAlone(ProviderBusy):
    """It was not even asked."""

    def __init__(self, name: str, seconds: float) -> None:
        self.retry_after = max(1, math.ceil(seconds))
        super().__init__(f"The provider {name} has failed repeatedly. Try again in {self.retry_after} s.")


class Breaker:
    def __init__(self, name: str, *, broken: Terms, busy: Terms) -> None:
        self.name = name
        self._terms: Mapping[type[ProviderError], Terms] = {ProviderBusy: busy, ProviderBroken: broken}
        self._failed: dict[type[ProviderError], deque[float]] = {kind: deque() for kind in self._terms}
        self._pause = 0.0
        self._opened_at = -math.inf
        self._try_at: float | None = None  # None: closed.
        self._probing = False

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        if self._try_at is None:
            return "closed"
        return "half-open" if self._probing else "open"

    def ask(self, at: float) -> None:
        """Before every call. Raises `LeftAlone` while it is open, but once after each pause."""
        if self._try_at is None:
            return
        if at < self._try_at:
            raise LeftAlone(self.name, self._try_at - at)
        # Should nobody hear what became of this call, another is let through after as long again.
        self._probing, self._opened_at, self._try_at = True, at, at + self._pause

    def answered(self, asked_at: float) -> None:
        """A call was answered, or rejected as a client's mistake, which takes a provider that works."""
        if asked_at < self._opened_at:  # What began before does not say that new calls are answered.
            return
        for moments in self._failed.values():
            moments.clear()
        if self._try_at is not None:
            self._try_at, self._probing = None, False
            logger.warning("provider %s answers again", self.name)

    def failed(self, failure: ProviderError, asked_at: float, at: float) -> None:
        if isinstance(failure, ProviderRejected):
            self.answered(asked_at)
        kind = next((kind for kind in self._terms if isinstance(failure, kind)), None)
        if kind is None or isinstance(failure, LeftAlone) or asked_at < self._opened_at:
            return
        terms, moments = self._terms[kind], self._failed[kind]
        moments.append(at)
        while moments[0] <= at - terms.window:
            moments.popleft()
        if self._probing or len(moments) >= terms.failures:
            self._open(terms.pause, at)

    def _open(self, pause: float, at: float) -> None:
        logger.warning("provider %s is left alone for %g s", self.name, pause)
        provider_left_alone.send_robust(Breaker, provider=self.name, seconds=pause)
        self._pause, self._opened_at, self._try_at, self._probing = pause, at, at + pause, False


_breakers: dict[str, Breaker] = {}


def of(name: str) -> Breaker:
    """The one of this provider in this process."""
    if name not in _breakers:
        _breakers[name] = Breaker(
            name, broken=Terms(*settings.PROVIDER_BROKEN_TERMS), busy=Terms(*settings.PROVIDER_BUSY_TERMS)
        )
    return _breakers[name]
