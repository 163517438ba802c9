"""How many tokens something will be, or was, where nobody reported it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from assistants.providers.base import ModelCall, Provider, ProviderError

# English has about four characters a token; asking for the prompt's room, three leaves less to be surprised by.
CHARACTERS_A_TOKEN = 4
CAUTIOUS_CHARACTERS_A_TOKEN = 3
MESSAGE_TOKENS = 8
# An image is scaled down before it is read, so it takes this much at the most, however large its data.
IMAGE_TOKENS = 1600
COUNT_SECONDS = 2
# Beside the messages, these take room in the prompt.
WRITTEN = ("system", "tools", "tool_choice", "output_config")


def prompt_tokens(body: dict[str, Any]) -> int:
    """Rather too many than too few, without asking anyone."""
    messages = sum(_content_tokens(message.get("content")) + MESSAGE_TOKENS for message in body["messages"])
    return messages + sum(_text_tokens_of(body[name]) for name in WRITTEN if name in body)


def likely_prompt_tokens(body: dict[str, Any]) -> int:
    """The same without the caution, to be charged or shown."""
    return -(-prompt_tokens(body) * CAUTIOUS_CHARACTERS_A_TOKEN // CHARACTERS_A_TOKEN)


def is_guesswork(body: dict[str, Any]) -> bool:
    """True where the prompt refers to a document by its address, so that its size cannot be seen."""
    return any(_refers(block) for message in body["messages"] for block in _blocks(message.get("content")))


def text_tokens(text: str) -> int:
    return bytes_tokens(len(text.encode()))


def bytes_tokens(length: int) -> int:
    return -(-length // CHARACTERS_A_TOKEN)


def cautious_tokens(length: int) -> int:
    """Of so many bytes, rather too many than too few."""
    return -(-length // CAUTIOUS_CHARACTERS_A_TOKEN)


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


def _content_tokens(content: Any) -> int:
    """Only what stands where an image may stand weighs as one: a tool's input can call itself anything."""
    if not isinstance(content, list):
        return _text_tokens_of(content)
    return sum(map(_block_tokens, content))


def _block_tokens(block: Any) -> int:
    match block:
        case {"type": "image", "source": dict()}:
            return IMAGE_TOKENS
        case {"type": "tool_result", "content": list(content)}:
            return MESSAGE_TOKENS + _content_tokens(content)
    return _text_tokens_of(block)


def _text_tokens_of(value: Any) -> int:
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return cautious_tokens(len(written.encode()))


def _refers(block: Any) -> bool:
    match block:
        case {"type": "image"}:
            return False
        case {"source": {"type": "url" | "file"}}:
            return True
        case {"content": list(content)}:
            return any(map(_refers, content))
    return False


def _blocks(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []
