"""The file of an export: a ZIP of JSON, to which each app contributes what it keeps of a person.

It is written row by row, so that who has much needs no more memory than who has little.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from accounts.models import User

Json = dict[str, Any]
Reader = Callable[[User], Iterable[Json]]

# Rows fetched at once.
CHUNK = 500
INTRODUCTION = """\
What Stipend keeps about you, as of {at:%Y-%m-%d %H:%M} UTC.

Each file is an array of JSON objects in UTF-8. Moments are in ISO 8601. No password, key or code is here: we keep none
that could be read. What others wrote in workspaces that you share with them is theirs and not in here.
"""


@dataclass(frozen=True)
class Part:
    """One file: what it is, and its rows."""

    name: str
    about: str
    read: Reader


_parts: dict[str, Part] = {}


def contribute(name: str, about: str, read: Reader) -> None:
    """Every export has `name`.json from now on. Apps say so when they are ready."""
    _parts[name] = Part(name, about, read)


def rows(found: QuerySet[Any], *fields: str) -> Iterable[Json]:
    """These fields of each row, fetched as they are written."""
    return found.values(*fields).iterator(chunk_size=CHUNK)


def write(user: User, file: IO[bytes], *, at: datetime) -> None:
    parts = [_parts[name] for name in sorted(_parts)]
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _readme(parts, at))
        for part in parts:
            with archive.open(f"{part.name}.json", "w", force_zip64=True) as entry:
                _write_array(part.read(user), entry)


def _write_array(found: Iterable[Json], entry: IO[bytes]) -> None:
    with TextIOWrapper(entry, "utf-8") as text:
        before = "[\n"
        for row in found:
            text.write(before + json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False))
            before = ",\n"
        text.write("\n]\n" if before == ",\n" else "[]\n")


def _readme(parts: list[Part], at: datetime) -> str:
    return INTRODUCTION.format(site="Stipend", at=at) + "".join(
        f"\n{part.name}.json\n  {part.about}\n" for part in parts
    )
