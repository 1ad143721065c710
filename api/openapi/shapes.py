"""Pieces that the schemas of answers are made of."""

from typing import Any, Final

from callboard.api.openapi.description import Schema, named
from callboard.jobs.ids import JOB_ID_PATTERN
from callboard.jobs.submission import HIGHEST_PRIORITY

TEXT: Final[Schema] = {"type": "string"}
ADDRESS: Final[Schema] = {"type": "string", "format": "uri"}
JOB_ID: Final[Schema] = {"type": "string", "pattern": f"^{JOB_ID_PATTERN}$"}
PRIORITY: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": HIGHEST_PRIORITY}
TIME: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
}


def whole(minimum: int = 0, **more: Any) -> Schema:
    """Give a whole number."""
    return {"type": "integer", "minimum": minimum, **more}


def amount(minimum: float = 0, **more: Any) -> Schema:
    """Give a number."""
    return {"type": "number", "minimum": minimum, **more}


def nullable(schema: Schema) -> Schema:
    """Allow null, too."""
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def said(schema: Schema, description: str) -> Schema:
    """Say what a member means."""
    return {"description": description, **schema}


def closed(description: str, properties: dict[str, Schema], *, perhaps: str = "") -> Schema:
    """Give an object that has just these members, all of them.

    Args:
        description: what it is.
        properties: its members.
        perhaps: those that may be missing, parted by spaces.
    """
    optional = perhaps.split()
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def listed(item: str, description: str, **more: Schema) -> Schema:
    """Give a listing of items.

    Args:
        item: the name of the schema of one.
        description: what is listed.
        more: further members.
    """
    return closed(
        description,
        {
            "items": {"type": "array", "items": named(item)},
            "next": said(nullable(ADDRESS), "Where the next page is; null on the last one."),
            **more,
        },
    )
