"""What a request may carry: JSON that PostgreSQL and a provider can hold. Every app reads bodies, so it is lowest."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig

from accounts.errors import AccountError

DEEPEST = 100
# A cheap look before the dear walk: only a body that spells one of these escapes can hold what we refuse.
SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class MalformedBody(AccountError):
    code = "malformed_body"
    message = "The body is not valid JSON."


def read_json(raw: bytes) -> Any:
    """Raises `MalformedBody` for what is not JSON, and for NaN, NUL, lone surrogates and nesting without end.

    Raises `RequestDataTooBig` as Django does, which only looks at the length that a client declares.
    """
    if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise RequestDataTooBig
    value = read_strictly(raw)
    if SUSPECT.search(raw):
        _check_text(value)
    return value


def read_strictly(raw: bytes) -> Any:
    """JSON of whatever length and with whatever text. Raises `MalformedBody` for NaN, and for nesting without end."""
    try:
        # Left to itself, json would take UTF-16 and surrogates in UTF-8, which nobody looks for.
        value = json.loads(raw.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as exc:
        raise MalformedBody from exc
    if raw.count(b"[") + raw.count(b"{") > DEEPEST:
        _check_depth(value)
    return value


def read_object(raw: bytes) -> dict[str, Any]:
    value = read_json(raw)
    if not isinstance(value, dict):
        raise MalformedBody("The body must be a JSON object.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"The body is not valid JSON: {name} is not a JSON number.")


def _finite(number: str) -> float:
    """1e999 is JSON, but what Python makes of it is not."""
    value = float(number)
    return value if math.isfinite(value) else _refuse_constant(number)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise MalformedBody(f"The body is nested deeper than {DEEPEST} levels.")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_text(value: Any) -> None:
    for text in _texts(value):
        if "\x00" in text:
            raise MalformedBody("The body holds a NUL character.")
        try:
            text.encode()
        except UnicodeEncodeError as exc:
            raise MalformedBody("The body holds half a surrogate pair.") from exc


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
    for inner in _inside(value):
        yield from _texts(inner)
