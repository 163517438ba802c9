"""Who answers: Anthropic where a key is set, the demo provider where none is."""

from functools import cache

from django.conf import settings

from assistants.providers.base import Provider


@cache
def current() -> Provider:
    """The server asks at its start, so that no chat waits for the import of an SDK, and nobody without a key does."""
    if settings.ANTHROPIC_API_KEY:
        from assistants.providers.anthropic import Anthropic

        return Anthropic(settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL)

    from assistants.providers.demo import Demo

    return Demo(settings.DEMO_GAP_SECONDS)
