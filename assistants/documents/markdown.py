"""Results as Markdown, by their JSON Schema. What a model wrote stays text: it makes no mark-up, link or table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assistants.documents.characters import clean

Schema = Mapping[str, Any]

# With a longer cell, or a longer list in one, rows are easier to read as sections.
LONGEST_CELL = 240
LONGEST_LIST_IN_A_CELL = 60
LONGEST_HEADING = 120
DEEPEST_HEADING = 6
DEEPEST = 12

SPECIAL = re.compile(r"[\\`*_\[\]|~$]|&(?=#?\w+;)")
ADDRESS = re.compile(r"(?i)\b(https?|ftp)(?=://)|\bwww(?=\.)")
AT_THE_START = re.compile(r"(?m)^[ \t]*(?:([#+=:-])|(\d+)([.)]))?")


def of_result(title: str, result: Mapping[str, Any], schema: Schema, facts: Mapping[str, str]) -> str:
    """A whole document: the title, the facts below it, a section for each property that says something."""
    told = "\\\n".join(f"**{one_line(name)}:** {one_line(fact)}" for name, fact in facts.items())
    blocks = [f"# {one_line(title)}", told, *_properties(result, schema, 2)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def escaped(text: str) -> str:
    """The text, as Markdown that shows exactly that; empty lines still part paragraphs."""
    plain = SPECIAL.sub(r"\\\g<0>", clean(text)).replace("<", "&lt;").replace(">", "&gt;")
    unlinked = ADDRESS.sub(lambda found: f"{found[0]}\\", plain)
    return AT_THE_START.sub(_told_apart, unlinked)


def _told_apart(found: re.Match[str]) -> str:
    """A line's beginning, neither indented nor a sign that makes a list, a heading or a rule."""
    sign = found[1] or found[3]
    return f"{found[2] or ''}\\{sign}" if sign else ""


def one_line(text: str) -> str:
    return escaped(" ".join(clean(text).split()))


def _properties(value: Mapping[str, Any], schema: Schema, level: int) -> Iterator[str]:
    for name, inner, told in _known_first(value, schema):
        if said := list(_blocks(inner, told, level)):
            yield _heading(_title(name, told), level)
            yield from said


def _blocks(value: Any, schema: Schema, level: int) -> Iterator[str]:
    """What stands below a heading of this level."""
    if level > DEEPEST:
        yield one_line(json.dumps(value, ensure_ascii=False))
    elif isinstance(value, Mapping):
        yield from _fields(value, schema, level + 1)
    elif isinstance(value, list):
        yield from _items([item for item in value if not _is_empty(item)], _inner(schema, "items"), level)
    elif not _is_empty(value):
        yield _paragraphs(_said(value, schema))


def _fields(value: Mapping[str, Any], schema: Schema, level: int) -> Iterator[str]:
    """Short ones with their names before them, lists and objects below headings."""
    for name, inner, told in _known_first(value, schema):
        if isinstance(inner, Mapping | list):
            yield from _properties({name: inner}, {"properties": {name: told}}, level)
        elif not _is_empty(inner):
            yield f"**{one_line(_title(name, told))}:** {_paragraphs(_said(inner, told))}"


def _items(items: Sequence[Any], schema: Schema, level: int) -> Iterator[str]:
    if not items:
        return
    if not any(isinstance(item, Mapping | list) for item in items):
        yield "\n".join(f"- {one_line(_said(item, schema))}" for item in items)
    elif _is_table(items):
        yield _table(items, schema)
    else:
        for place, item in enumerate(items, start=1):
            yield from _entry(item, schema, level + 1, place)


def _entry(item: Any, schema: Schema, level: int, place: int) -> Iterator[str]:
    """Named by its first text, if that is short enough for a heading."""
    if not isinstance(item, Mapping):
        yield from _blocks(item, schema, level)
        return
    fields = _known_first(item, schema)
    name = next((inner for _, inner, _ in fields[:1] if isinstance(inner, str)), "").strip()
    is_named = 0 < len(name) <= LONGEST_HEADING
    rest = fields[1:] if is_named else fields
    yield _heading(name if is_named else str(place), level)
    if len(rest) == 1 and isinstance(rest[0][1], list):
        yield from _blocks(rest[0][1], rest[0][2], level)
    else:
        yield from _fields({name: inner for name, inner, _ in rest}, schema, level + 1)


def _is_table(items: Sequence[Any]) -> bool:
    return all(isinstance(item, Mapping) and all(_fits_a_cell(inner) for inner in item.values()) for item in items)


def _fits_a_cell(value: Any) -> bool:
    if isinstance(value, list):
        return (
            not any(isinstance(item, Mapping | list) for item in value) and len(_cell(value)) <= LONGEST_LIST_IN_A_CELL
        )
    return not isinstance(value, Mapping) and len(str(value)) <= LONGEST_CELL


def _table(rows: Sequence[Mapping[str, Any]], schema: Schema) -> str:
    every = {name: None for row in rows for name in row}
    columns = [(name, told) for name, _, told in _known_first(every, schema)]
    head = _row([one_line(_title(name, told)) for name, told in columns])
    body = [_row([_cell(row.get(name), told) for name, told in columns]) for row in rows]
    return "\n".join([head, _row(["---"] * len(columns)), *body])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any, schema: Schema = {}) -> str:  # noqa: B006 - never written to
    if isinstance(value, list):
        return ", ".join(one_line(_said(item, {})) for item in value)
    return "" if _is_empty(value) else one_line(_said(value, schema))


def _heading(text: str, level: int) -> str:
    return f"{'#' * min(level, DEEPEST_HEADING)} {one_line(text)}"


def _paragraphs(text: str) -> str:
    """Ends of lines are kept."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", clean(text))]
    return "\n\n".join("\\\n".join(map(one_line, part.splitlines())) for part in parts if part)


def _said(value: Any, schema: Schema) -> str:
    """As a reader would write it. One of several fixed words begins with a capital, as a label does."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return text[:1].upper() + text[1:] if "enum" in schema else text


def _is_empty(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not clean(value).strip())


def _known_first(value: Mapping[str, Any], schema: Schema) -> list[tuple[str, Any, Schema]]:
    """Name, value and schema of each, in the schema's order; what it does not know comes last."""
    known = _inner(schema, "properties")
    names = [name for name in known if name in value] + [name for name in value if name not in known]
    return [(name, value[name], _inner(known, name)) for name in names]


def _inner(schema: Schema, name: str) -> Schema:
    """A schema may be true, or say nothing."""
    found = schema.get(name)
    return found if isinstance(found, Mapping) else {}


def _title(name: str, schema: Schema) -> str:
    return str(schema.get("title") or name.replace("_", " ").capitalize())
