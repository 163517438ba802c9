"""Crews and their roles, as the files beside this module have them: who does what, in which order, to which shape."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match

from assistants.errors import InvalidCatalogue, InvalidRequest, UnknownCrew

FOLDER = Path(__file__).parent / "catalogue"
Schema = Mapping[str, Any]

LONGEST_TITLE = 200
TEXT = {"type": "string", "minLength": 1}
OBJECT = {"type": "object", "required": ["properties"], "properties": {"type": {"const": "object"}}}
SHAPE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["slug", "kind", "name", "description", "title", "input", "roles"],
    "properties": {
        "slug": TEXT,
        "kind": {"enum": ["strategy", "operation", "deliverable"]},
        "name": TEXT,
        "description": TEXT,
        "title": TEXT,
        "output_title": TEXT,
        "input": OBJECT,
        "roles": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["slug", "name", "does", "max_tokens", "prompt", "output", "sample"],
                "properties": {
                    "slug": TEXT,
                    "name": TEXT,
                    "does": TEXT,
                    "model": TEXT,
                    "max_tokens": {"type": "integer", "minimum": 1},
                    "prompt": TEXT,
                    "output": OBJECT,
                    "sample": {"type": "object"},
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Role:
    """`model` None: the one asked for. `sample` is what the demo gives, with the brief's fields where it names them."""

    slug: str
    name: str
    does: str
    max_tokens: int
    prompt: str
    output: Schema
    sample: Mapping[str, Any]
    model: str | None = None


@dataclass(frozen=True)
class Crew:
    """`input` and each role's `output` are JSON Schemas."""

    slug: str
    kind: str
    name: str
    description: str
    title: str
    input: Schema
    roles: tuple[Role, ...]
    output_title: str = ""

    @property
    def output(self) -> Schema:
        """Of what the last of them gives."""
        return self.roles[-1].output

    def check(self, brief: Mapping[str, Any]) -> None:
        """Raises `InvalidRequest`, which names every field at fault."""
        errors: dict[str, list[str]] = {}
        for error in Draft202012Validator(self.input).iter_errors(brief):
            for field, words in _complaints(error):
                errors.setdefault(field, [words])
        if errors:
            first, [words, *_] = next(iter(errors.items()))
            raise InvalidRequest(f"{first}: {words}", first, errors)

    def title_of(self, brief: Mapping[str, Any]) -> str:
        title = " ".join(filled(self.title, brief).split())
        return f"{title[:1].upper()}{title[1:LONGEST_TITLE]}"


@cache
def crews() -> dict[str, Crew]:
    """By slug. Raises `InvalidCatalogue`."""
    return {file.stem: load(file) for file in sorted(FOLDER.glob("*.yaml"))}


def find(slug: str, kind: str) -> Crew:
    """Raises `UnknownCrew`."""
    crew = crews().get(slug)
    if crew is None or crew.kind != kind:
        raise UnknownCrew(slug)
    return crew


def of_kind(kind: str) -> list[Crew]:
    return [crew for crew in crews().values() if crew.kind == kind]


def load(file: Path) -> Crew:
    """Raises `InvalidCatalogue` for what is no crew."""
    try:
        written = yaml.safe_load(file.read_text())
        Draft202012Validator(SHAPE).validate(written)
        crew = Crew(**{**written, "roles": tuple(Role(**role) for role in written["roles"])})
        for schema in (crew.input, *(role.output for role in crew.roles)):
            Draft202012Validator.check_schema(schema)
    except (yaml.YAMLError, ValidationError, SchemaError) as exc:
        raise InvalidCatalogue(f"{file.name}: {exc}") from exc
    if crew.slug != file.stem:
        raise InvalidCatalogue(f"{file.name}: its slug is {crew.slug}")
    return crew


def misfit(value: Any, schema: Schema) -> str:
    """Why a result does not fit its schema; empty where it does."""
    error = best_match(Draft202012Validator(schema).iter_errors(value))
    return _told(error) if error else ""


def filled(value: Any, brief: Mapping[str, Any]) -> Any:
    """With the brief's fields where a text names them in braces."""
    match value:
        case str():
            return _Filler().format(value, **brief)
        case list():
            return [filled(inner, brief) for inner in value]
        case dict():
            return {name: filled(inner, brief) for name, inner in value.items()}
    return value


class _Filler(string.Formatter):
    """Names of the brief's fields, as `goal` or `project.title`, and nothing of what stands behind them."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        return reduce(getitem, field_name.split("."), kwargs), field_name

    def check_unused_args(self, used_args: Any, args: Any, kwargs: Any) -> None:
        pass


def _complaints(error: Any) -> Iterator[tuple[str, str]]:
    """Which field of a brief is at fault, and why, in words for whoever fills in a form."""
    path = ["brief", *map(str, error.absolute_path)]
    match error.validator:
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            yield from ((".".join([*path, name]), "This is wanted.") for name in missing)
        case "additionalProperties":
            unknown = [name for name in error.instance if name not in error.schema.get("properties", {})]
            yield from ((".".join([*path, name[:80]]), "There is no such field.") for name in unknown[:20])
        case "minLength":
            yield ".".join(path), "This must not be empty."
        case "maxLength":
            yield ".".join(path), f"At most {error.validator_value} characters."
        case _:
            yield ".".join(path), error.message[:300]


def _told(error: ValidationError) -> str:
    return ": ".join(filter(None, [_path(error), error.message[:300]]))


def _path(error: ValidationError) -> str:
    """Where, with dots between what is nested."""
    return ".".join(map(str, error.absolute_path))
