"""Every crew that is shipped: what its demo shows is what it promises to give."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from assistants.crew import roles
from assistants.crew.roles import Crew, Role, Schema
from assistants.tests.briefs import brief_for

CREWS = list(roles.crews().values())
ROLES = [pytest.param(crew, role, id=f"{crew.slug}-{role.slug}") for crew in CREWS for role in crew.roles]

# Of our samples, which are prose in JSON; models count about this many.
CHARACTERS_IN_A_TOKEN = 3.5


@pytest.mark.parametrize("crew", CREWS, ids=lambda crew: crew.slug)
def test_a_brief_with_what_is_required_fits_and_gives_a_title(crew: Crew) -> None:
    brief = brief_for(crew)

    crew.check(brief)

    assert "{" not in crew.title_of(brief)


@pytest.mark.parametrize(("crew", "role"), ROLES)
def test_a_sample_fits_the_schema_and_the_tokens_of_its_role(crew: Crew, role: Role) -> None:
    sample = roles.filled(role.sample, brief_for(crew))

    assert not roles.misfit(sample, role.output)
    assert len(json.dumps(sample, ensure_ascii=False)) / CHARACTERS_IN_A_TOKEN < role.max_tokens


@pytest.mark.parametrize(("crew", "role"), ROLES)
def test_a_role_is_told_once_that_what_people_wrote_is_material(crew: Crew, role: Role) -> None:
    assert "<brief>" not in role.prompt
    assert "instruction" not in role.prompt


@pytest.mark.parametrize("crew", CREWS, ids=lambda crew: crew.slug)
def test_a_brief_has_bounds_in_every_field(crew: Crew) -> None:
    assert [path for path, schema in parts(crew.input) if not bounded(schema)] == []


@pytest.mark.parametrize(("crew", "role"), ROLES)
def test_a_result_is_strict_and_told_in_every_field(crew: Crew, role: Role) -> None:
    assert [path for path, schema in parts(role.output) if not strict(schema)] == []
    assert [path for path, schema in parts(role.output) if path and not told(path, schema)] == []


def test_the_strategy_fits_a_small_allowance() -> None:
    assert sum(role.max_tokens for role in roles.find("strategy", "strategy").roles) <= 6000


def parts(schema: Schema, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every schema inside one, itself too."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from parts(inner, (*path, name))
    if "items" in schema:
        yield from parts(schema["items"], (*path, "[]"))


def bounded(schema: Schema) -> bool:
    match schema["type"]:
        case "string":
            return "maxLength" in schema
        case "array":
            return "maxItems" in schema
        case "object":
            return schema.get("additionalProperties") is False or "maxProperties" in schema
    return "maximum" in schema


def strict(schema: Schema) -> bool:
    match schema["type"]:
        case "object":
            return schema["additionalProperties"] is False and set(schema["required"]) == set(schema["properties"])
        case "array":
            return "maxItems" in schema
    return True


def told(path: tuple[str, ...], schema: Schema) -> bool:
    """The rows of a table have no words of their own."""
    return bool(schema.get("title") and schema.get("description")) or (path[-1] == "[]" and schema["type"] == "object")
