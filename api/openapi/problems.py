"""The schemas of problems, one for each type in `callboard.api.problems`."""

from collections.abc import Iterable
from typing import Final

from callboard.api.description import Schema, named
from callboard.api.openapi.shapes import TEXT, nullable, object_schema
from callboard.api.problems import table
from callboard.api.problems.problem_type import ProblemType

_ERRORS: Final[Schema] = {"errors": {"type": "array", "items": named("InputError"), "minItems": 1}}
_JOB: Final[Schema] = {"job": named("JobReference")}

MEMBERS: Final[dict[ProblemType, Schema]] = {
    table.INVALID_REQUEST: _ERRORS,
    table.NO_RESULT: {**_JOB, "error": nullable(named("RunError"))},
    table.NOT_READY: {"checks": named("Checks")},
    table.INVALID_PARAMETERS: _ERRORS,
    table.DEPENDENCY_MISSING: _ERRORS,
    table.DUPLICATE_JOB: {"existing_job": named("JobReference")},
    table.JOB_NOT_FINISHED: _JOB,
    table.JOB_FINAL: _JOB,
    table.JOB_ACTIVE: _JOB,
    table.RATE_EXCEEDED: {"violated-policies": {"type": "array", "items": TEXT}},
}
"""The members that a type has besides those of every problem."""

_OPTIONAL: Final = {table.JOB_ACTIVE: "job"}


def problem_name(problem_type: ProblemType) -> str:
    """Name the schema of a type."""
    words = (problem_type.code or problem_type.name.rpartition("#")[2]).lower().replace("_", "-")
    return "".join(word.capitalize() for word in words.split("-")) + "Problem"


def problem_schema(problem_type: ProblemType, common: Schema) -> Schema:
    """Return the schema of a type; it does not depend on the server's address.

    Args:
        problem_type: which.
        common: the schema of what all problems have.
    """
    name = problem_type.name
    place = {"enum": [name]} if ":" in name else {"pattern": f"^.+/problems/{name}$"}
    properties: dict[str, Schema] = {
        **common["properties"],
        "type": {**common["properties"]["type"], **place},
        "title": {"type": "string", "enum": [problem_type.title]},
        "status": {"type": "integer", "enum": [problem_type.status]},
        **({"code": {"type": "string", "enum": [problem_type.code]}} if problem_type.code else {}),
        **MEMBERS.get(problem_type, {}),
    }
    return object_schema(problem_type.title, properties, optional=_OPTIONAL.get(problem_type, ""))


def union_name(those: Iterable[ProblemType]) -> str:
    """Name the schema of a problem that is one of several types."""
    names = sorted(problem_name(problem_type).removesuffix("Problem") for problem_type in those)
    return "Or".join(names) + "Problem"


def union_schema(those: Iterable[ProblemType]) -> Schema:
    """Return the schema of a problem that is one of several types."""
    members = [named(problem_name(each)) for each in sorted(those, key=problem_name)]
    return {"description": "One of several problems.", "oneOf": members}
