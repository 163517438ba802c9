"""Which characters may stand in a document."""

from __future__ import annotations

import re
import unicodedata

# Controls, lone surrogates, what is no character, and marks that turn the direction of others' text.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u2028-\u202e\u2066-\u2069]")
BOX = "□"
# A PDF's table of characters, as reportlab writes it, ends here.
LAST = 0xFFFF
LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def clean(text: str) -> str:
    """With nothing but characters, tabs and line feeds."""
    return FORBIDDEN.sub("", LINE_END.sub("\n", text))


def drawable(text: str, known: frozenset[int]) -> str:
    """With a box for each character that a font does not know; what only joins or modifies others goes."""
    if text.isascii():
        return text
    return "".join(char if ord(char) in known and ord(char) <= LAST else _instead(char) for char in text)


def _instead(char: str) -> str:
    return "" if unicodedata.category(char) in {"Cf", "Mn", "Me", "Sk"} else BOX
