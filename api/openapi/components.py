"""Everything that the document's paths refer to by name."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from callboard.api.callbacks.body import BatchEventObject, JobEventObject
from callboard.api.description import Schema
from callboard.api.jobs.log import LogLineObject
from callboard.api.jobs.render import JobObject, JobReferenceObject, ProgressObject, RunErrorObject
from callboard.api.openapi import callbacks, events, files, problems, schedules
from callboard.api.openapi.answers import answer_schemas
from callboard.api.openapi.headers import RESPONSE, header
from callboard.api.openapi.links import LINKS
from callboard.api.openapi.naming import prefixes
from callboard.api.openapi.operations import operation_schemas, own_schemas, submission_schema
from callboard.api.openapi.parameters import parameters
from callboard.api.openapi.requests import request_schemas
from callboard.api.openapi.responses import problem_response, response_name
from callboard.api.openapi.shapes import one_of
from callboard.api.problems.problem import InputErrorObject, ProblemObject
from callboard.api.problems.problem_type import ProblemType
from callboard.api.problems.table import ALL
from callboard.api.server.health import ChecksObject
from callboard.jobs.operation import Operation

SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key of Callboard."},
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key, for clients that cannot send `Authorization`.",
    },
}
"""How a key is sent."""

_ALWAYS: Final = (
    JobObject,
    JobReferenceObject,
    RunErrorObject,
    ProgressObject,
    LogLineObject,
    JobEventObject,
    BatchEventObject,
    ChecksObject,
    InputErrorObject,
    ProblemObject,
)
"""Types that problems, events and callbacks refer to by name."""

_OTHERS: Final[dict[str, Schema]] = {
    "AnyResult": {"description": "The result of an operation."},
    "AnyBody": {"description": "A body; see the description of the method."},
    "AnyAnswer": {"description": "A response; see the description of the method."},
    "OpenApiDocument": {
        "type": "object",
        "description": "An OpenAPI 3.1 document.",
        "required": ["openapi", "info", "paths"],
        "additionalProperties": True,
    },
    "Page": {"type": "string", "description": "An HTML page."},
}
_PREFIX: Final = "#/components/"


def fixed_schemas(answers: Iterable[Any]) -> dict[str, Schema]:
    """Return the schemas that are the same whatever the operations are.

    Args:
        answers: types of answers.
    """
    types = dict.fromkeys([*_ALWAYS, *answers])
    written = answer_schemas(types)
    common = written.pop("Problem")
    return {
        **written,
        **request_schemas(),
        **events.SCHEMAS,
        **files.SCHEMAS,
        **_OTHERS,
        **{problems.problem_name(each): problems.problem_schema(each, common) for each in ALL},
    }


def prefixes_of(operations: list[Operation], fixed: Mapping[str, Schema]) -> dict[str, str]:
    """Choose for each operation, by its name, what the names of its schemas begin with.

    Args:
        operations: which.
        fixed: the schemas that the document has anyway.
    """
    taken = {*fixed, "Submission", "ScheduleRequest"}
    return prefixes({each.name: own_schemas(each) for each in operations}, taken)


def components(
    operations: Mapping[str, Operation],
    refusals: Collection[tuple[tuple[ProblemType, ...], bool]],
    fixed: Mapping[str, Schema],
) -> dict[str, dict[str, Any]]:
    """Return all components that there may be, but how keys are sent.

    Args:
        operations: what can be run, by what the names of their schemas begin with.
        refusals: the problem types that share an answer, and whether the request may count
            for the caller's rate.
        fixed: the schemas that are the same whatever the operations are.
    """
    known = [each.name for each in operations.values()]
    headers = {
        f"{prefix}{name.replace('-', '')}": header(name, required=not prefix)
        for name in RESPONSE
        for prefix in ("", "Optional")
    }
    return {
        "schemas": _schemas(operations, [types for types, _ in refusals], fixed),
        "responses": {
            response_name(types, counted=counted): problem_response(types, counted=counted)
            for types, counted in refusals
        },
        "parameters": parameters(known),
        "headers": headers,
        "links": LINKS,
        "callbacks": callbacks.CALLBACKS,
    }


def only_used(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out the components that nothing refers to, and links to what is not there."""
    found = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    every = document["components"]
    every["links"] = {
        name: link for name, link in every["links"].items() if link["operationId"] in found
    }
    for response in _responses(document):
        kept = {
            name: link
            for name, link in response.pop("links", {}).items()
            if link["$ref"].rpartition("/")[2] in every["links"]
        }
        if kept:
            response["links"] = kept
    reached = _reached(document)
    document["components"] = {
        section: {
            name: value
            for name, value in members.items()
            if section == "securitySchemes" or (section, name) in reached
        }
        for section, members in every.items()
    }
    return document


def _schemas(
    operations: Mapping[str, Operation],
    unions: Iterable[tuple[ProblemType, ...]],
    fixed: Mapping[str, Schema],
) -> dict[str, Schema]:
    by_name = {each.name: prefix for prefix, each in operations.items()}
    found = {
        **fixed,
        **schedules.schedule_requests(by_name),
        "Submission": _any_submission(by_name),
    }
    for union in unions:
        if len(union) > 1:
            found[problems.union_name(union)] = problems.union_schema(union)
    for prefix, operation in operations.items():
        found |= operation_schemas(operation, prefix, fixed["Job"])
    return found


def _any_submission(prefixes: Mapping[str, str]) -> Schema:
    if not prefixes:
        return submission_schema()
    by_name = {name: f"{prefix}Submission" for name, prefix in prefixes.items()}
    return one_of("A submission.", "operation", by_name)


def _responses(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from document["components"]["responses"].values()
    for path in document["paths"].values():
        for operation in path.values():
            yield from operation["responses"].values()


def _reached(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Find the components that requests refer to, themselves or through others."""
    reached: set[tuple[str, str]] = set()
    waiting: list[Any] = [document["paths"]]
    while waiting:
        for reference in _references(waiting.pop()):
            section, _, name = reference.removeprefix(_PREFIX).partition("/")
            if (section, name) not in reached:
                reached.add((section, name))
                waiting.append(document["components"][section][name])
    return reached


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
