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

NO_TEXT = {"type", "id", "tool_use_id", "media_type", "cache_control"}
"""Fields of a block that no model reads as a text."""


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


def said_in(body: dict[str, Any], facts: Any = None) -> Iterator[str]:
    """What people wrote of a request: system prompt, questions, text documents with their titles, what their tools are,
    take and answered, what they search, the shape they ask for. `facts` stand in the system prompt as JSON, in which a
    word can hide.

    What the model said is not theirs. Of images and PDF files nothing can be read here.
    """
    yield from everything(facts)
    yield from _texts(body.get("system"))
    for message in body["messages"]:
        if message.get("role") != "assistant":
            yield from _texts(message.get("content"))
    yield from everything([body.get("tools"), body.get("output_config")])


def everything(said: Any) -> Iterator[str]:
    """Every text of plain data, the names of its fields too."""
    match said:
        case str():
            yield said
        case list():
            for one in said:
                yield from everything(one)
        case dict():
            for name, value in said.items():
                yield name
                yield from everything(value)


def _texts(content: Any) -> Iterator[str]:
    """Of the blocks of a message, but for what says how to read them."""
    match content:
        case str():
            yield content
        case list():
            for block in content:
                yield from _texts(block)
        case {"type": "image"} | {"type": "base64"}:
            return
        case dict():
            for name, value in content.items():
                if name == "input":
                    yield from everything(value)
                elif name not in NO_TEXT:
                    yield from _texts(value)


@cache
def _moderator(path: str) -> Moderator:
    found: Moderator = import_string(path)
    return found
