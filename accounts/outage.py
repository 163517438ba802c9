"""That Redis is away is noticed once in a while, by one request, and not waited for by every other."""

from __future__ import annotations

import logging
from time import monotonic

logger = logging.getLogger(__name__)

REST_SECONDS = 5.0
_resting_until = 0.0


def is_noted() -> bool:
    """Do without Redis for now."""
    return monotonic() < _resting_until


def note(failure: Exception) -> None:
    """Everybody in this process does without for the next seconds."""
    global _resting_until
    if not is_noted():
        logger.warning("Redis does not answer, so it is left alone for %.0f s: %s", REST_SECONDS, failure)
    _resting_until = monotonic() + REST_SECONDS
