"""What a file is by its content, whatever its name or its sender says, and what it will take of a prompt."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath
from typing import Any

from django.conf import settings
from PIL import Image, UnidentifiedImageError
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from assistants import estimates
from assistants.errors import FileRefused, FileTooLarge, UnsupportedFile

IMAGES = ["PNG", "JPEG", "GIF", "WEBP"]
# What Anthropic counts for a page at the most: its text, and its picture.
PAGE_TOKENS = 3000
PDF = "application/pdf"
# Texts look alike inside, so among them the name tells.
TEXTS = {".md": "text/markdown", ".markdown": "text/markdown", ".csv": "text/csv"}
PLAIN = "text/plain"
# How a decoder stumbles over what somebody has broken or made up.
BROKEN_IMAGE = (OSError, SyntaxError, ValueError, struct.error, zlib.error, EOFError, OverflowError)
BROKEN_PDF = (PyPdfError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, OSError)
BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Content:
    media_type: str
    tokens: int


def inspect(data: bytes, name: str) -> Content:
    """Raises `UnsupportedFile`, `FileTooLarge` or, for what is broken or cannot be read, `FileRefused`."""
    if not data:
        raise FileRefused("It is empty.")
    if data.startswith(b"%PDF-"):
        return _pdf(data)
    return _image(data) or _text(data, name)


def _image(data: bytes) -> Content | None:
    """None where it is no image at all."""
    try:
        with Image.open(BytesIO(data), formats=IMAGES) as image:
            kind = str(image.format)
            _check_side(image)
            _check_size(data, settings.IMAGE_BYTES)
            image.verify()
        with Image.open(BytesIO(data), formats=[kind]) as image:
            image.load()
    except UnidentifiedImageError:
        return None
    except BOMB as exc:
        raise FileRefused("It has too many pixels.") from exc
    except BROKEN_IMAGE as exc:
        raise FileRefused("It is a broken image.") from exc
    return Content(Image.MIME[kind], estimates.IMAGE_TOKENS)


def _check_side(image: Image.Image) -> None:
    """Before anything is unpacked: a small file can be a huge picture."""
    if max(image.size) > settings.IMAGE_SIDE:
        raise FileRefused(f"It has more than {settings.IMAGE_SIDE} pixels a side.")
    if image.width * image.height > settings.IMAGE_PIXELS:
        raise FileRefused(f"It has more than {settings.IMAGE_PIXELS:,} pixels.")


def _pdf(data: bytes) -> Content:
    _check_size(data, settings.PDF_BYTES)
    try:
        reader = PdfReader(BytesIO(data))
        is_encrypted = reader.is_encrypted
        pages = 0 if is_encrypted else _count_pages(reader)
    except BROKEN_PDF as exc:
        raise FileRefused("It is a broken PDF file.") from exc
    if is_encrypted:
        raise FileRefused("It is an encrypted PDF file. Remove its password first.")
    if not pages:
        raise FileRefused("It is a PDF file without pages.")
    if pages > settings.PDF_PAGES:
        raise FileRefused(f"It has more than {settings.PDF_PAGES} pages.")
    return Content(PDF, pages * PAGE_TOKENS)


def _count_pages(reader: PdfReader) -> int:
    """As many as there are, or one too many. A page tree may lie of its size, and go round in circles."""
    root: Any = reader.root_object
    nodes, seen, pages = [root["/Pages"]], 0, 0
    while nodes and pages <= settings.PDF_PAGES:
        seen += 1
        if seen > 10 * settings.PDF_PAGES:
            raise FileRefused("It is a broken PDF file.")
        node = nodes.pop().get_object()
        if "/Kids" in node:
            nodes += list(node["/Kids"].get_object())[: settings.PDF_PAGES + 1]
        else:
            pages += 1
    return pages


def _text(data: bytes, name: str) -> Content:
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        raise UnsupportedFile from exc
    if "\x00" in text:
        raise UnsupportedFile
    _check_size(data, settings.TEXT_BYTES)
    return Content(TEXTS.get(PurePath(name).suffix.lower(), PLAIN), estimates.cautious_tokens(len(data)))


def _check_size(data: bytes, most: int) -> None:
    if len(data) > most:
        raise FileTooLarge(most)
