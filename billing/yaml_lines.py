"""YAML that knows its lines: whoever wrote it is told where it is wrong, not only that it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from billing.errors import InvalidCatalogue

BIGINT = 2**63 - 1


@dataclass(frozen=True)
class Written:
    """A piece of a file, and where it stands."""

    file: str
    line: int
    name: str
    node: yaml.Node

    def wrong(self, why: str) -> InvalidCatalogue:
        return wrong(self.file, self.line, why)

    def entries(self) -> dict[str, Written]:
        """What stands under each key. An entry's line is its key's."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong(f"{self.name} must be made of keys and values.")
        found: dict[str, Written] = {}
        for key_node, node in self.node.value:
            key = Written(self.file, key_node.start_mark.line + 1, "key", key_node)
            name = text(key)
            if name in found:
                raise key.wrong(f"{name} is written twice, first in line {found[name].line}.")
            found[name] = Written(self.file, key.line, name, node)
        return found

    def items(self) -> list[Written]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong(f"{self.name} must be a list.")
        name = self.name.removesuffix("s")
        return [Written(self.file, node.start_mark.line + 1, name, node) for node in self.node.value]

    def value(self) -> Any:
        """A word, a number, yes or no; None for anything larger."""
        if not isinstance(self.node, yaml.ScalarNode):
            return None
        try:
            return SafeConstructor().construct_object(self.node)
        except (yaml.YAMLError, ValueError) as exc:
            raise self.wrong(f"{self.name} cannot be read: {self.node.value}.") from exc


@dataclass(frozen=True)
class Field:
    """How a key's value is read. Without the key it is `otherwise`; where that is missing, the key must be there."""

    read: Callable[[Written], Any]
    otherwise: Any = ...


Schema = Mapping[str, Field]


def compose(file: Path) -> Written:
    """All of a file. Raises `InvalidCatalogue`, as everything here does."""
    content = file.read_bytes()
    try:
        node = yaml.compose(content.decode(), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as exc:
        raise wrong(file.name, content.count(b"\n", 0, exc.start) + 1, "this is not UTF-8.") from exc
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise wrong(file.name, line, f"this is not YAML: {exc.problem}.") from exc
    except yaml.reader.ReaderError as exc:
        line = content.decode().count("\n", 0, exc.position) + 1
        raise wrong(file.name, line, f"this is not YAML: {exc.reason}.") from exc
    if node is None:
        raise wrong(file.name, 1, "there is nothing in it.")
    return Written(file.name, node.start_mark.line + 1, "file", node)


def wrong(file: str, line: int, why: str) -> InvalidCatalogue:
    return InvalidCatalogue(f"{file}, line {line}: {why}")


# ---- Readers: what a piece says ----


def fields(written: Written, schema: Schema) -> dict[str, Any]:
    given = written.entries()
    for name, value in given.items():
        if name not in schema:
            raise value.wrong(f"unknown key {name}; there may be: {', '.join(schema)}.")
    for name, field in schema.items():
        if name not in given and field.otherwise is ...:
            raise written.wrong(f"{written.name} must have the key {name}.")
    return {name: field.read(given[name]) if name in given else field.otherwise for name, field in schema.items()}


def text(written: Written, most: int = 80) -> str:
    value = written.value()
    if not isinstance(value, str) or not value.strip():
        raise written.wrong(f"{written.name} must be text; numbers, and words such as yes, need quotes to be that.")
    if len(value) > most:
        raise written.wrong(f"{written.name} must not be longer than {most} characters.")
    return value


def texts(written: Written, most: int = 80) -> tuple[str, ...]:
    return tuple(text(item, most) for item in written.items())


def flag(written: Written) -> bool:
    value = written.value()
    if not isinstance(value, bool):
        raise written.wrong(f"{written.name} must be true or false.")
    return value


def whole(written: Written, most: int = BIGINT, *, least: int = 0) -> int:
    """An amount as it is: 29.99 would become 29, and `yes` would become 1."""
    value = written.value()
    if type(value) is not int or not least <= value <= most:
        said = written.node.value if isinstance(written.node, yaml.ScalarNode) else "several values"
        raise written.wrong(
            f"{written.name} must be a whole number from {least} to {most}, and is {said or 'nothing'}."
        )
    return value
