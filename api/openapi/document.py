"""The document as a whole: what is described, for the routes and operations that there are."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

from callboard.api.description import BodyDescription, MethodDescription, named
from callboard.api.openapi.added_routes import description_in, path_parameter, tag_of
from callboard.api.openapi.components import (
    SECURITY,
    components,
    fixed_schemas,
    only_used,
    prefixes_of,
)
from callboard.api.openapi.operation_paths import ONE, of_operation
from callboard.api.openapi.operations import parameters_example
from callboard.api.openapi.responses import by_status, response, response_name
from callboard.api.problems import table
from callboard.api.problems.problem_type import ProblemType
from callboard.api.route import Route
from callboard.config import Role
from callboard.jobs.operation import Operation

_GUARDS: Final = (
    table.AUTHENTICATION_REQUIRED,
    table.FORBIDDEN,
    table.RATE_EXCEEDED,
    table.STORE_UNAVAILABLE,
)
_KEYS: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"apiKey": []}]
_IN_PATH: Final = re.compile(r"\{(\w+)\}")
_CHOOSING: Final[Mapping[str, Mapping[str, Any]]] = {
    "Submission": {},
    "ScheduleRequest": {"cron": "30 2 * * MON-FRI", "timezone": "Europe/Berlin"},
}
"""Bodies that name an operation, and what an example of them says besides."""
_TAGS: Final = {
    "Operations": "Functions that can run as jobs.",
    "Jobs": "Runs of operations: submit, follow, cancel.",
    "Batches": "Many jobs submitted at once.",
    "Files": "Files that jobs receive and create.",
    "Callbacks": "Events that the server delivers to the URL of a submission.",
    "Schedules": "Jobs created at set times.",
    "Server": "The server and its workers.",
    "About": "This document, and HTML pages.",
}
_SAYS: Final = (
    "Runs slow functions as jobs. Submit a job, then wait for it, poll it or follow its events.\n\n"
    "Errors are problems (RFC 9457) whose `type` is a URL that explains it: "
    "[all types]({base}/problems). "
    "Bodies are JSON or msgpack, by `Content-Type` and `Accept`.\n\n"
    "{keys} `Authorization: Bearer <key>` or as `X-API-Key: <key>`."
)
_WITH_KEYS: Final = "Requests need an API key, sent as"
_WITHOUT_KEYS: Final = "This server requires no API key at present. When it does, send one as"


def build_document(
    base: str, operations: Iterable[Operation], routes: Sequence[Route], *, keys_required: bool
) -> dict[str, Any]:
    """Write the document.

    Args:
        base: where the server is, with no slash at its end.
        operations: what can be run, in their order; each gets a path of its own, in place of the
            template: which body it takes depends on the name, which a template cannot say.
        routes: those that there are, with their resources; a method without a description is
            left out.
        keys_required: whether requests need a key.
    """
    known = list(operations)
    fixed = fixed_schemas(_answers(routes))
    prefixes = prefixes_of(known, fixed)
    paths: dict[str, dict[str, Any]] = {}
    refusals: dict[tuple[tuple[ProblemType, ...], bool], None] = {}  # in an order that stays
    for path, method, role, description in _described(routes, known, prefixes):
        problems_of = by_status(_problems(description, role))
        refusals |= {(tuple(each), role is not None): None for each in problems_of.values()}
        written = _operation(path, role, description, known)
        written["responses"] = _responses(role, description, problems_of)
        paths.setdefault(path, {})[method.lower()] = written
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Callboard",
            "version": version("callboard"),
            "description": _SAYS.format(
                base=base, keys=_WITH_KEYS if keys_required else _WITHOUT_KEYS
            ),
            "contact": {"name": "Problems and what to do", "url": f"{base}/problems"},
        },
        "servers": [{"url": base, "description": "This server."}],
        "tags": [
            *({"name": name, "description": says} for name, says in _TAGS.items()),
            *(tag_of(tag) for tag in dict.fromkeys(each.tag for each in routes) if tag),
        ],
        "security": _KEYS if keys_required else [{}],
        "paths": paths,
        "components": {
            **components({prefixes[each.name]: each for each in known}, refusals, fixed),
            **({"securitySchemes": SECURITY} if keys_required else {}),
        },
    }
    return only_used(document)


def _answers(routes: Sequence[Route]) -> Iterator[Any]:
    """Yield the types of all bodies that routes answer with."""
    for route in routes:
        for method in route.roles:
            description = description_in(route, method)
            for each in () if description is None else description.responses.values():
                if each.schema is not None and not isinstance(each.schema, str):
                    yield each.schema


def _described(
    routes: Sequence[Route], known: list[Operation], prefixes: Mapping[str, str]
) -> Iterator[tuple[str, str, Role | None, MethodDescription]]:
    own, others = [], []
    for route in routes:
        for method, role in route.roles.items():
            description = description_in(route, method)
            if description is None:
                continue
            if known and route.template == ONE:
                own.append((method, role, description))
            else:
                others.append((route.template, method, role, description))
    # First, since they are what people look for on the page of the document.
    for operation in known:
        for method, role, description in own:
            path = ONE.replace("{name}", operation.name)
            prefix = prefixes[operation.name]
            yield path, method, role, of_operation(operation, prefix, method, description)
    yield from others


def _problems(description: MethodDescription, role: Role | None) -> list[ProblemType]:
    guards = () if role is None else _GUARDS
    return [*guards, *description.problems, table.INTERNAL_ERROR]


def _operation(
    path: str, role: Role | None, description: MethodDescription, known: list[Operation]
) -> dict[str, Any]:
    says = (
        description.description
        if role is None
        else f"{description.description}\n\nNeeds the role `{role}`."
    )
    in_path = [
        "knownName" if name == "name" and not path.endswith("}") else name
        for name in _IN_PATH.findall(path)
    ]
    names = (*description.parameters, "X-Request-ID")
    written: dict[str, Any] = {
        "operationId": description.id,
        "tags": [description.tag],
        "summary": description.summary,
        "description": says,
        "parameters": [
            *(path_parameter(name) for name in in_path),
            *({"$ref": f"#/components/parameters/{name}"} for name in names),
        ],
    }
    if role is None:
        written["security"] = []
    if description.body is not None:
        written["requestBody"] = _body(description.body, known)
    if description.callbacks:
        written["callbacks"] = {
            name: {"$ref": f"#/components/callbacks/{name}"} for name in description.callbacks
        }
    return written


def _body(body: BodyDescription, known: list[Operation]) -> dict[str, Any]:
    examples = dict(body.examples)
    if body.schema in _CHOOSING:
        found = {each.name: parameters_example(each) for each in known}
        examples |= {
            name: {**_CHOOSING[body.schema], "operation": name, "params": params}
            for name, params in found.items()
            if params is not None
        }
    content: dict[str, Any] = {"schema": named(body.schema)}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    encoding = {"encoding": body.encoding} if body.encoding else {}
    others = {media: {"schema": named(name), **encoding} for media, name in body.also.items()}
    return {
        "required": body.required,
        "content": {**dict.fromkeys(body.media, content), **others},
    }


def _responses(
    role: Role | None, description: MethodDescription, problems_of: Mapping[int, list[ProblemType]]
) -> dict[str, Any]:
    counted = role is not None
    answers = {
        status: response(answer, counted=counted)
        for status, answer in description.responses.items()
    }
    refusals = {
        status: {"$ref": f"#/components/responses/{response_name(types, counted=counted)}"}
        for status, types in problems_of.items()
    }
    return {str(status): written for status, written in sorted({**answers, **refusals}.items())}
