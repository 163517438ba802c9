"""A value that satisfies a JSON schema: what a tool is called with, or a structured answer."""

from typing import Any

Schema = dict[str, Any]

PLAIN: dict[str, Any] = {"string": "Berlin", "boolean": True, "null": None}
FORMATS = {"date": "2026-11-21", "date-time": "2026-11-21T09:00:00Z", "email": "alice@example.com"}


def example(schema: Schema, root: Schema | None = None) -> Any:
    root = schema if root is None else root
    if "$ref" in schema:
        return example(_resolve(schema["$ref"], root), root)
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return example(schema[choice][0], root)
    if "enum" in schema:
        return schema["enum"][0]
    return _of_type(schema, root)


def _of_type(schema: Schema, root: Schema) -> Any:
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: example(part, root) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema.get("items", {"type": "string"}), root)] * max(1, schema.get("minItems", 1))
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    if kind == "string":
        return FORMATS.get(schema.get("format", ""), PLAIN["string"]).ljust(schema.get("minLength", 0), ".")
    return PLAIN[kind]


def _resolve(reference: str, root: Schema) -> Schema:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)
