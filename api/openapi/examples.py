"""Examples of data that fit a schema."""

from typing import Any

from callboard.api.description import Schema


def example_of(schema: Schema, definitions: dict[str, Schema] | None = None) -> Any:
    """Make a small value that fits a schema: what it suggests itself, else the least there is.

    Args:
        schema: as pydantic writes it.
        definitions: what its references mean; its own `$defs` otherwise.
    """
    known = schema.get("$defs", {}) if definitions is None else definitions
    if "$ref" in schema:
        return example_of(known[schema["$ref"].rpartition("/")[2]], known)
    for choices in ("examples", "enum", "anyOf", "oneOf", "allOf"):
        if schema.get(choices):
            first = schema[choices][0]
            return first if choices in ("examples", "enum") else example_of(first, known)
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    return _least(schema, known)


def _least(schema: Schema, known: dict[str, Schema]) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {
                name: example_of(properties[name], known) for name in schema.get("required", ())
            }
        case "array":
            item = schema.get("items", {})
            return [example_of(item, known) for _ in range(schema.get("minItems", 0))]
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case "string":
            return "x" * schema.get("minLength", 1)
        case "boolean":
            return False
        case _:
            return None
