"""A moderator that refuses the words of a list: the file that `MODERATION_WORDS` names, read once.

A word or phrase a line; blank lines and lines that begin with # are skipped. Words are found whole, whatever their case
and whatever stands between them.
"""

from __future__ import annotations

import asyncio
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from django.conf import settings

from accounts.callers import Caller
from assistants.moderation import Refusal

WORD = re.compile(r"[^\W_]+")
# What shows nothing of its own, inside a word: zero-width characters, soft hyphens, accents.
UNSEEN = dict.fromkeys(
    code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in ("Cf", "Mn", "Me")
)
REFUSAL = Refusal("It holds words that may not be used here.")

Phrase = tuple[str, ...]


async def moderate(texts: Sequence[str], caller: Caller) -> Refusal | None:
    listed = _listed(settings.MODERATION_WORDS)
    # A long text takes a while, and others are being answered.
    return REFUSAL if await asyncio.to_thread(_any_holds, texts, listed) else None


def _any_holds(texts: Sequence[str], listed: frozenset[Phrase]) -> bool:
    longest = max(map(len, listed), default=0)
    return any(phrase in listed for text in texts for phrase in _phrases(_words(text), longest))


def _phrases(words: Phrase, longest: int) -> Iterator[Phrase]:
    return (words[at : at + length] for at in range(len(words)) for length in range(1, longest + 1))


def _words(text: str) -> Phrase:
    """Alike for what looks alike: full-width letters, ligatures, capitals, accents, and what is not seen at all."""
    return tuple(WORD.findall(unicodedata.normalize("NFKD", text).translate(UNSEEN).casefold()))


@cache
def _listed(path: str) -> frozenset[Phrase]:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return frozenset(words for line in lines if not line.startswith("#") and (words := _words(line)))
