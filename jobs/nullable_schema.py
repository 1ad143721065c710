"""Whether a JSON Schema allows null at some place."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from callboard.jobs.json_pointer import Location

Schema = Mapping[str, Any]

_SAYS_SOMETHING: Final = ("type", "const", "enum")


def allows_null(schema: Schema, at: Location) -> bool:
    """Return whether null is allowed where a pointer leads to, in one of the ways to get there."""
    found = list(_choices(schema, schema))
    for part in at:
        found = [
            choice
            for each in found
            for below in _below(each, part)
            for choice in _choices(schema, below)
        ]
    return any(_is_nullable(each) for each in found)


def _choices(root: Schema, schema: Schema) -> Iterator[Schema]:
    """Yield the alternatives of a schema, with references followed."""
    if "$ref" in schema:
        yield from _choices(root, root["$defs"][schema["$ref"].rpartition("/")[2]])
        return
    options = [each for word in ("anyOf", "oneOf", "allOf") for each in schema.get(word, ())]
    if not options:
        yield schema
    for each in options:
        yield from _choices(root, each)


def _below(schema: Schema, part: int | str) -> Iterator[Schema]:
    if not any(word in schema for word in _SAYS_SOMETHING):
        yield {}
        return
    if isinstance(part, int):
        listed = schema.get("prefixItems", ())
        found = listed[part] if part < len(listed) else schema.get("items", True)
    else:
        properties = schema.get("properties", {})
        found = properties.get(part, schema.get("additionalProperties", True))
    if isinstance(found, Mapping):
        yield found
    elif found:
        yield {}


def _is_nullable(schema: Schema) -> bool:
    return schema.get("type") == "null" or not any(word in schema for word in _SAYS_SOMETHING)
