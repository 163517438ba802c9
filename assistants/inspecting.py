"""A program of its own that looks into one image or PDF file, so that what a file unpacks to strains nobody else.

    python -I assistants/inspecting.py '{"pixels": …, "webp_pixels": …, "side": …, "pages": …}' < file

It prints `{"media_type": …, "pages": …}`, or `{"refused": why}`. Whatever takes more than its limits ends it. It knows
neither Django nor our settings, and so starts at once.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
import zlib
from contextlib import suppress
from io import BytesIO
from typing import Any

MEMORY = 768 * 1024 * 1024
"""Bytes of addresses; Python with Pillow or pypdf takes up to 150 MB of them."""
CPU_SECONDS = 3

IMAGES = ["PNG", "JPEG", "GIF", "WEBP"]
PDF = "application/pdf"
# How a decoder stumbles over what somebody has broken or made up.
BROKEN_IMAGE = (OSError, SyntaxError, ValueError, struct.error, zlib.error, EOFError, OverflowError)

Found = dict[str, Any]
Limits = dict[str, int]


class Refused(Exception):
    """Says why, to whoever sent the file."""


def main() -> None:
    _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_CPU, CPU_SECONDS)
    limits = json.loads(sys.argv[1])
    data = sys.stdin.buffer.read()
    try:
        found = _pdf(data, limits) if data.startswith(b"%PDF-") else _image(data, limits)
    except Refused as exc:
        found = {"refused": str(exc)}
    sys.stdout.write(json.dumps(found))


def _limit(kind: int, most: int) -> None:
    # macOS knows no limit of addresses.
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (most, most))


def _image(data: bytes, limits: Limits) -> Found:
    from PIL import Image  # Each takes its time to import, and one of them is needed.

    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(BytesIO(data), formats=IMAGES) as image:
            kind = str(image.format)
            _check_side(image.size, limits["webp_pixels" if kind == "WEBP" else "pixels"], limits["side"])
            image.verify()
        with Image.open(BytesIO(data), formats=[kind]) as image:
            image.load()
    except bombs as exc:
        raise Refused("It has too many pixels.") from exc
    except BROKEN_IMAGE as exc:
        raise Refused("It is a broken image.") from exc
    return {"media_type": Image.MIME[kind], "pages": 0}


def _check_side(size: tuple[int, int], pixels: int, side: int) -> None:
    """Before anything is unpacked: a small file can be a huge picture."""
    if max(size) > side:
        raise Refused(f"It has more than {side} pixels a side.")
    if size[0] * size[1] > pixels:
        raise Refused(f"It has more than {pixels:,} pixels.")


def _pdf(data: bytes, limits: Limits) -> Found:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    broken = (PyPdfError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, OSError)
    try:
        reader = PdfReader(BytesIO(data))
        is_encrypted = reader.is_encrypted
        pages = 0 if is_encrypted else _count_pages(reader.root_object, limits["pages"])
    except broken as exc:
        raise Refused("It is a broken PDF file.") from exc
    if is_encrypted:
        raise Refused("It is an encrypted PDF file. Remove its password first.")
    if not pages:
        raise Refused("It is a PDF file without pages.")
    if pages > limits["pages"]:
        raise Refused(f"It has more than {limits['pages']} pages.")
    return {"media_type": PDF, "pages": pages}


def _count_pages(root: Any, most: int) -> int:
    """As many as there are, or one too many. A page tree may lie of its size, and go round in circles."""
    nodes, seen, pages = [root["/Pages"]], 0, 0
    while nodes and pages <= most:
        seen += 1
        if seen > 10 * most:
            raise Refused("It is a broken PDF file.")
        node = nodes.pop().get_object()
        if "/Kids" in node:
            nodes += list(node["/Kids"].get_object())[: most + 1]
        else:
            pages += 1
    return pages


if __name__ == "__main__":
    main()
