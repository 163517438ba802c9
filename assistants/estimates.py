"""How many tokens something will be, or was, where nobody reported it."""

from __future__ import annotations

import asyncio
from typing import Any

from assistants.providers.base import ModelCall, Provider, ProviderError

# English has about four characters a token; asking for the prompt's room, three leaves less to be surprised by.
CHARACTERS_A_TOKEN = 4
CAUTIOUS_CHARACTERS_A_TOKEN = 3
MESSAGE_TOKENS = 8
IMAGE_TOKENS = 1600
COUNT_SECONDS = 2


def prompt_tokens(body: dict[str, Any]) -> int:
    """Rather too many than too few, without asking anyone."""
    written = (
        body.get("system", ""),
        body.get("tools") or [],
        [message.get("content") for message in body["messages"]],
    )
    return sum(map(_weigh, written)) + MESSAGE_TOKENS * len(body["messages"])


def text_tokens(text: str) -> int:
    return -(-len(text.encode()) // CHARACTERS_A_TOKEN)


async def delivered_tokens(provider: Provider, model: str, text: str) -> int:
    """The provider's own count of a text it delivered, or ours where it cannot be asked."""
    if not text:
        return 0
    try:
        async with asyncio.timeout(COUNT_SECONDS):
            once, twice = await asyncio.gather(*(provider.count_tokens(_said(model, text * n)) for n in (1, 2)))
    except (ProviderError, TimeoutError):
        return text_tokens(text)
    # A count is of a whole message. The difference of two is of the text alone.
    return twice - once


def _said(model: str, text: str) -> ModelCall:
    return ModelCall({"model": model, "messages": [{"role": "user", "content": text}]})


def _weigh(part: Any) -> int:
    if isinstance(part, str):
        return -(-len(part.encode()) // CAUTIOUS_CHARACTERS_A_TOKEN)
    if isinstance(part, list):
        return sum(map(_weigh, part))
    if isinstance(part, dict):
        return IMAGE_TOKENS if part.get("type") == "image" else sum(map(_weigh, (*part, *part.values())))
    return 1
