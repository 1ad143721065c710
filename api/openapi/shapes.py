"""Pieces of schemas of what is no answer: parameters, headers, forms, events and problems."""

from collections.abc import Mapping
from typing import Any, Final

from callboard.api.description import Schema, named
from callboard.jobs.callbacks.deliveries import DELIVERY_ID_PATTERN
from callboard.jobs.ids import JOB_ID_PATTERN

TEXT: Final[Schema] = {"type": "string"}
ADDRESS: Final[Schema] = {"type": "string", "format": "uri"}
JOB_ID: Final[Schema] = {"type": "string", "pattern": f"^{JOB_ID_PATTERN}$"}
DELIVERY_ID: Final[Schema] = {"type": "string", "pattern": f"^{DELIVERY_ID_PATTERN}$"}


def whole(minimum: int = 0, **more: Any) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": minimum, **more}


def nullable(schema: Schema) -> Schema:
    """Allow null as well."""
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def with_description(schema: Schema, description: str) -> Schema:
    """Add what a member means."""
    return {"description": description, **schema}


def one_of(description: str, member: str, schemas: Mapping[str, str]) -> Schema:
    """Return the schema of an object that is one of several, as one member of it says.

    Args:
        description: what it is.
        member: the name of that member.
        schemas: by its values, the names of the schemas.
    """
    references = {value: named(name) for value, name in schemas.items()}
    return {
        "description": description,
        "oneOf": list(references.values()),
        "discriminator": {
            "propertyName": member,
            "mapping": {value: each["$ref"] for value, each in references.items()},
        },
    }


def object_schema(description: str, properties: dict[str, Schema], *, optional: str = "") -> Schema:
    """Return the schema of an object that has exactly these members.

    Args:
        description: what it is.
        properties: its members.
        optional: those that may be missing, separated by spaces.
    """
    left_out = optional.split()
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in left_out],
        "additionalProperties": False,
    }
