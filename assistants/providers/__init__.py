"""Who answers: Anthropic where a key is set, the demo provider where none is."""

from functools import cache

from django.conf import settings

from assistants.providers.anthropic import Anthropic
from assistants.providers.base import Provider
from assistants.providers.demo import Demo


@cache
def current() -> Provider:
    if settings.ANTHROPIC_API_KEY:
        return Anthropic(settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL)
    return Demo(settings.DEMO_GAP_SECONDS)
