"""Who answers: the provider a model names, Anthropic or a server that speaks OpenAI's format.

Where no key is set the demo provider answers for Anthropic's models.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from assistants.providers.base import Provider

if TYPE_CHECKING:
    from assistants.catalogue import Offer

ANTHROPIC = "anthropic"


def of(offer: Offer) -> Provider:
    return named(offer.provider)


def names() -> list[str]:
    """Of all that have their settings here."""
    return [ANTHROPIC, *settings.COMPATIBLE_PROVIDERS]


def every() -> list[Provider]:
    """The server asks at its start, so that no chat waits for the import of an SDK, and nobody without a key does."""
    return [named(name) for name in names()]


@cache
def named(name: str) -> Provider:
    """Raises `KeyError` for one that has no settings here; its models are not on offer."""
    if name not in names():
        raise KeyError(name)
    if name in settings.COMPATIBLE_PROVIDERS:
        from assistants.providers.openai_compatible import OpenAICompatible

        return OpenAICompatible(name, **settings.COMPATIBLE_PROVIDERS[name])

    if settings.ANTHROPIC_API_KEY:
        from assistants.providers.anthropic import Anthropic

        return Anthropic(settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL)

    from assistants.providers.demo import Demo

    return Demo(settings.DEMO_GAP_SECONDS)
