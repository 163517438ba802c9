"""Whether what people say may be asked of a model. Every road asks here, before anything is held or sent.

`MODERATION` in the settings names a `Moderator` by its dotted path. Where it names none, everything passes at no cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.callers import Caller
from assistants.errors import ContentRefused


@dataclass(frozen=True)
class Refusal:
    """`reason` is told to whoever asked, so it names no rule that they could feel their way around."""

    reason: str


class Moderator(Protocol):
    """An asynchronous function, or an object that can be called like one."""

    async def __call__(self, texts: Sequence[str], caller: Caller) -> Refusal | None:
        """None lets it pass. Where it cannot tell, it raises `ModerationUnavailable`, and nothing is asked."""


async def check(texts: Iterable[str], caller: Caller) -> None:
    """Raises `ContentRefused`, or `ModerationUnavailable`. Without a moderator the texts are not even gathered."""
    if not settings.MODERATION:
        return
    if refusal := await _moderator(settings.MODERATION)(list(texts), caller):
        raise ContentRefused(refusal.reason)


def said_in(body: dict[str, Any]) -> Iterator[str]:
    """What people wrote of a request: system prompt, questions, text documents, what their tools answered.

    What the model said is not theirs. Of images and PDF files nothing can be read here.
    """
    yield from _texts(body.get("system"))
    for message in body["messages"]:
        if message.get("role") != "assistant":
            yield from _texts(message.get("content"))


def _texts(content: Any) -> Iterator[str]:
    match content:
        case str():
            yield content
        case list():
            for block in content:
                yield from _texts(block)
        case {"type": "text", "text": str(text)} | {"type": "text", "data": str(text)}:
            yield text
        case {"type": "document", "source": source}:
            yield from _texts(source)
        case {"content": inner}:
            yield from _texts(inner)


@cache
def _moderator(path: str) -> Moderator:
    found: Moderator = import_string(path)
    return found
