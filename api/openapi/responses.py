"""The answers of one method: those that are described, and the problems, by status."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from callboard.api.description import ResponseDescription, named
from callboard.api.openapi.answers import schema_name
from callboard.api.openapi.problems import union_name
from callboard.api.problems import table
from callboard.api.problems.problem import PROBLEM
from callboard.api.problems.problem_type import ProblemType

_EVERY: Final = ("X-Request-ID", "Cache-Control", "X-Content-Type-Options")
_COUNTED: Final = ("RateLimit", "RateLimit-Policy")
_HEADERS: Final[dict[ProblemType, tuple[str, ...]]] = {
    table.AUTHENTICATION_REQUIRED: ("WWW-Authenticate",),
    table.UNSUPPORTED_MEDIA_TYPE: ("Accept",),
    table.METHOD_NOT_ALLOWED: ("Allow",),
    table.RANGE_NOT_SATISFIABLE: ("Accept-Ranges", "Content-Range"),
    table.DUPLICATE_JOB: ("Location", "Retry-After"),
    table.JOB_NOT_FINISHED: ("Retry-After",),
    table.RATE_EXCEEDED: ("Retry-After",),
}
_OPTIONAL: Final = {table.JOB_ACTIVE: ("Retry-After",)}
_LINKS: Final[dict[ProblemType, tuple[str, ...]]] = {
    table.DUPLICATE_JOB: ("lookAtExisting",),
}


def response(answer: ResponseDescription, *, counted: bool) -> dict[str, Any]:
    """Return the response object of an answer that is no problem.

    Args:
        answer: as described.
        counted: whether the request may count for the caller's rate.
    """
    optional = (*answer.optional_headers, *(_COUNTED if counted else ()))
    written: dict[str, Any] = {
        "description": answer.description,
        "headers": _headers((*_EVERY, *answer.headers), optional),
    }
    if answer.schema is not None:
        media = {**dict.fromkeys(answer.media, answer.schema), **answer.also}
        written["content"] = {
            each: {"schema": named(schema_name(name))} for each, name in media.items()
        }
    if answer.links:
        written["links"] = _links(answer.links)
    return written


def by_status(types: Iterable[ProblemType]) -> dict[int, list[ProblemType]]:
    """Sort problem types by their status."""
    found: dict[int, list[ProblemType]] = {}
    for each in dict.fromkeys(types):
        found.setdefault(each.status, []).append(each)
    return found


def response_name(types: Sequence[ProblemType], *, counted: bool) -> str:
    """Name the response object that `problem_response` gives."""
    return union_name(types).removesuffix("Problem") + ("" if counted else "Uncounted")


def problem_response(types: Sequence[ProblemType], *, counted: bool) -> dict[str, Any]:
    """Return the response object of a problem that is one of several types of one status."""
    headers = [set(_headers_of(each)) for each in types]
    always = sorted(set.intersection(*headers))
    sometimes = {name for each in types for name in _OPTIONAL.get(each, ())}
    optional = sorted(set.union(sometimes, *headers) - set(always))
    links = [name for each in types for name in _LINKS.get(each, ())]
    return {
        "description": " ".join(each.title for each in types),
        "headers": _headers((*_EVERY, *always), (*optional, *(_COUNTED if counted else ()))),
        "content": {PROBLEM: {"schema": named(union_name(types))}},
        **({"links": _links(links)} if links else {}),
    }


def _headers_of(problem_type: ProblemType) -> tuple[str, ...]:
    return (
        *_HEADERS.get(problem_type, ()),
        *(() if problem_type.retry_after_s is None else ("Retry-After",)),
    )


def _headers(always: Iterable[str], optional: Iterable[str]) -> dict[str, Any]:
    written = {name: _header(f"Optional{_plain(name)}") for name in optional}
    return {**written, **{name: _header(_plain(name)) for name in always}}


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _plain(name: str) -> str:
    return name.replace("-", "")


def _links(names: Iterable[str]) -> dict[str, dict[str, str]]:
    return {name: {"$ref": f"#/components/links/{name}"} for name in names}
