"""What a file is by its content, whatever its name or its sender says, and what it will take of a prompt.

A few bytes can unpack to gigabytes, so a program of its own, with limits, looks into images and PDF files.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings

from assistants import estimates
from assistants.errors import FileRefused, FilesWaiting, FileTooLarge, UnsupportedFile

# What Anthropic counts for a page at the most: its text, and its picture.
PAGE_TOKENS = 3000
# Texts look alike inside, so among them the name tells.
TEXTS = {".md": "text/markdown", ".markdown": "text/markdown", ".csv": "text/csv"}
PLAIN = "text/plain"
BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")

INSPECTING = Path(__file__).with_name("inspecting.py")
AT_ONCE = 2
"""So many files are looked into at once by each process, and no others wait longer than this for their turn."""
TURN_SECONDS = 5.0
SECONDS = 10.0
"""Time for one, by the clock on the wall; its own limit of computing time is tighter."""

_turns = BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class Content:
    media_type: str
    tokens: int


def inspect(data: bytes, name: str) -> Content:
    """Raises `UnsupportedFile`, `FileTooLarge`, for what is broken or takes too much to read `FileRefused`, and
    `FilesWaiting` where too many others are being looked into. It may take seconds, so hold no connection meanwhile."""
    if not data:
        raise FileRefused("It is empty.")
    if data.startswith(b"%PDF-"):
        _check_size(data, settings.PDF_BYTES)
        return _looked_into(data)
    if _is_image(data):
        _check_size(data, settings.IMAGE_BYTES)
        return _looked_into(data)
    return _text(data, name)


def _is_image(data: bytes) -> bool:
    return data.startswith(BEGINNINGS) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP")


def _looked_into(data: bytes) -> Content:
    limits = {
        "side": settings.IMAGE_SIDE,
        "pixels": settings.IMAGE_PIXELS,
        "webp_pixels": settings.WEBP_PIXELS,
        "pages": settings.PDF_PAGES,
    }
    with _turn():
        found = _asked(data, json.dumps(limits))
    if "refused" in found:
        raise FileRefused(found["refused"])
    return Content(found["media_type"], found["pages"] * PAGE_TOKENS or estimates.IMAGE_TOKENS)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=TURN_SECONDS):
        raise FilesWaiting
    try:
        yield
    finally:
        _turns.release()


def _asked(data: bytes, limits: str) -> dict[str, Any]:
    """What the program found. It sees nothing of ours: neither our modules nor our environment with its secrets."""
    command = [sys.executable, "-I", str(INSPECTING), limits]
    try:
        done = subprocess.run(command, input=data, capture_output=True, env={}, timeout=SECONDS, check=True)  # noqa: S603
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
        raise FileRefused("It takes too much to look into.") from exc
    found: dict[str, Any] = json.loads(done.stdout)
    return found


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
