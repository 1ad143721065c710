"""The answers of one method: those that are described, and the problems, by status."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from callboard.api.media import PROBLEM
from callboard.api.openapi.description import Answer, named
from callboard.api.openapi.problems import union_name
from callboard.api.problems import kinds
from callboard.api.problems.kinds import Kind
from callboard.api.problems.table import TABLE
from callboard.jobs import errors

_EVERY: Final = ("X-Request-ID", "Cache-Control", "X-Content-Type-Options")
_COUNTED: Final = ("RateLimit", "RateLimit-Policy")
_HEADERS: Final[dict[Kind, tuple[str, ...]]] = {
    kinds.AUTHENTICATION_REQUIRED: ("WWW-Authenticate",),
    kinds.UNSUPPORTED_MEDIA_TYPE: ("Accept",),
    kinds.METHOD_NOT_ALLOWED: ("Allow",),
    kinds.RANGE_NOT_SATISFIABLE: ("Accept-Ranges", "Content-Range"),
    TABLE[errors.DuplicateJob]: ("Location", "Retry-After"),
    TABLE[errors.JobNotFinished]: ("Retry-After",),
    TABLE[errors.RateExceeded]: ("Retry-After",),
}
_PERHAPS: Final = {TABLE[errors.JobActive]: ("Retry-After",)}
_LINKS: Final[dict[Kind, tuple[str, ...]]] = {
    TABLE[errors.DuplicateJob]: ("lookAtExisting",),
}


def response(answer: Answer, *, counted: bool) -> dict[str, Any]:
    """Give the response object of an answer that is no problem.

    Args:
        answer: as described.
        counted: whether the request may count for the caller's rate.
    """
    perhaps = (*answer.perhaps, *(_COUNTED if counted else ()))
    written: dict[str, Any] = {
        "description": answer.says,
        "headers": _headers((*_EVERY, *answer.headers), perhaps),
    }
    if answer.schema is not None:
        media = {**dict.fromkeys(answer.media, answer.schema), **answer.also}
        written["content"] = {each: {"schema": named(name)} for each, name in media.items()}
    if answer.links:
        written["links"] = _links(answer.links)
    return written


def by_status(kinds: Iterable[Kind]) -> dict[int, list[Kind]]:
    """Sort kinds of problems by their status."""
    found: dict[int, list[Kind]] = {}
    for kind in dict.fromkeys(kinds):
        found.setdefault(kind.status, []).append(kind)
    return found


def response_name(kinds: Sequence[Kind], *, counted: bool) -> str:
    """Name the response object that `problem_response` gives."""
    return union_name(kinds).removesuffix("Problem") + ("" if counted else "Uncounted")


def problem_response(kinds: Sequence[Kind], *, counted: bool) -> dict[str, Any]:
    """Give the response object of a problem that is one of several kinds of one status."""
    each = [set(_headers_of(kind)) for kind in kinds]
    always = sorted(set.intersection(*each))
    sometimes = {name for kind in kinds for name in _PERHAPS.get(kind, ())}
    perhaps = sorted(set.union(sometimes, *each) - set(always))
    links = [name for kind in kinds for name in _LINKS.get(kind, ())]
    return {
        "description": " ".join(kind.title for kind in kinds),
        "headers": _headers((*_EVERY, *always), (*perhaps, *(_COUNTED if counted else ()))),
        "content": {PROBLEM: {"schema": named(union_name(kinds))}},
        **({"links": _links(links)} if links else {}),
    }


def _headers_of(kind: Kind) -> tuple[str, ...]:
    return (*_HEADERS.get(kind, ()), *(() if kind.retry_after_s is None else ("Retry-After",)))


def _headers(always: Iterable[str], perhaps: Iterable[str]) -> dict[str, Any]:
    written = {name: _header(f"Perhaps{_plain(name)}") for name in perhaps}
    return {**written, **{name: _header(_plain(name)) for name in always}}


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _plain(name: str) -> str:
    return name.replace("-", "")


def _links(names: Iterable[str]) -> dict[str, dict[str, str]]:
    return {name: {"$ref": f"#/components/links/{name}"} for name in names}
