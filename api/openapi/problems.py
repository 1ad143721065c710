"""The schemas of problems, one for each kind in `callboard.api.problems`."""

from collections.abc import Iterable
from typing import Final

from callboard.api.openapi.description import Schema, named
from callboard.api.openapi.shapes import TEXT, closed, nullable, said
from callboard.api.problems import table
from callboard.api.problems.problem_type import ProblemType

_ERRORS: Final[Schema] = {"errors": {"type": "array", "items": named("InputError"), "minItems": 1}}
_JOB: Final[Schema] = {"job": named("JobReference")}

MEMBERS: Final[dict[ProblemType, Schema]] = {
    table.INVALID_REQUEST: _ERRORS,
    table.NO_RESULT: {**_JOB, "error": nullable(named("RunError"))},
    table.NOT_READY: {"checks": named("Checks")},
    table.INVALID_PARAMETERS: _ERRORS,
    table.DUPLICATE_JOB: {"existing_job": named("JobReference")},
    table.JOB_NOT_FINISHED: _JOB,
    table.JOB_FINAL: _JOB,
    table.JOB_ACTIVE: _JOB,
    table.RATE_EXCEEDED: {"violated-policies": {"type": "array", "items": TEXT}},
}
"""The members that a kind has besides those of every problem."""

SCHEMAS: Final[dict[str, Schema]] = {
    "InputError": closed(
        "One thing that is wrong with a request.",
        {
            "detail": TEXT,
            "pointer": said(TEXT, "A JSON Pointer into the body, or a query parameter's name."),
        },
    ),
}


_PERHAPS: Final = {table.JOB_ACTIVE: "job"}


def problem_name(kind: ProblemType) -> str:
    """Name the schema of a kind."""
    words = (kind.code or kind.name.rpartition("#")[2]).lower().replace("_", "-")
    return "".join(word.capitalize() for word in words.split("-")) + "Problem"


def problem_schema(kind: ProblemType) -> Schema:
    """Give the schema of a kind; what it says does not depend on the server's address."""
    place = {"enum": [kind.name]} if ":" in kind.name else {"pattern": f"^.+/problems/{kind.name}$"}
    properties: dict[str, Schema] = {
        "type": {"type": "string", "format": "uri", **place},
        "title": {"type": "string", "enum": [kind.title]},
        "status": {"type": "integer", "enum": [kind.status]},
        "detail": said(TEXT, "What can be done about it."),
        "request_id": said(TEXT, "This request's id in the server's log."),
        **({"code": {"type": "string", "enum": [kind.code]}} if kind.code else {}),
        **MEMBERS.get(kind, {}),
    }
    return closed(kind.title, properties, perhaps=_PERHAPS.get(kind, ""))


def union_name(those: Iterable[ProblemType]) -> str:
    """Name the schema of a problem that is one of several kinds."""
    names = sorted(problem_name(kind).removesuffix("Problem") for kind in those)
    return "Or".join(names) + "Problem"


def union_schema(those: Iterable[ProblemType]) -> Schema:
    """Give the schema of a problem that is one of several kinds."""
    members = [named(problem_name(kind)) for kind in sorted(those, key=problem_name)]
    return {"description": "One of several problems.", "oneOf": members}
