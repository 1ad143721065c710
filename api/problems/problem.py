"""A problem (RFC 9457): what a refused request is answered with."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import falcon
from pydantic import Field

from callboard.api.answer_types import Address, TypedDict
from callboard.api.problems.problem_type import ProblemType
from callboard.api.problems.table import (
    BY_ERROR,
    DEPENDENCY_MISSING,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    type_of_status,
)
from callboard.api.urls import Urls
from callboard.jobs import errors

PROBLEM: Final = "application/problem+json"
_MAX_ERRORS: Final = 100


class InputErrorObject(TypedDict):
    """One error in a request."""

    detail: str
    pointer: Annotated[
        str, Field(description="A JSON Pointer into the body, or a query parameter's name.")
    ]


class ProblemObject(TypedDict):
    """What a refused request is answered with; some types have further members."""

    type: Address
    title: str
    status: int
    detail: Annotated[str, Field(description="What is wrong, and what to do.")]
    request_id: Annotated[str, Field(description="This request's id, as in the server's log.")]


class Problem(Exception):
    """A request is refused; what is answered, without what only the request knows."""

    def __init__(
        self,
        problem_type: ProblemType,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse.

        Args:
            problem_type: what went wrong, in general.
            detail: what the client can do about it.
            headers: of the answer, besides those of its type.
            members: further members of the problem object.
        """
        self.type: Final = problem_type
        self.detail: Final = detail
        seconds = problem_type.retry_after_s
        waiting = {} if seconds is None else {"Retry-After": str(seconds)}
        self.headers: Final = {**waiting, **(headers or {})}
        code = {"code": problem_type.code} if problem_type.code else {}
        self.members: Final = {**code, **(members or {})}
        super().__init__(detail)

    def body(self, urls: Urls, request_id: str) -> dict[str, Any]:
        """Return the problem object."""
        problem: ProblemObject = {
            "type": self.type.address(urls),
            "title": self.type.title,
            "status": self.type.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        return {**problem, **self.members}


def invalid_request(wrong: list[tuple[str, str]]) -> Problem:
    """Refuse a request for what is wrong in it.

    Args:
        wrong: pairs of a JSON Pointer into the body, or a query parameter's name, and what is
            wrong there.
    """
    return Problem(INVALID_REQUEST, _first(wrong), members={"errors": _errors(wrong)})


def dependency_missing(error: errors.DependencyMissing, place: str) -> Problem:
    """Return the problem that a job named in `after` does not exist.

    Args:
        error: the error of the core.
        place: a JSON Pointer to the id, or a query parameter's name.
    """
    wrong = [(place, str(error))]
    return Problem(DEPENDENCY_MISSING, _first(wrong), members={"errors": _errors(wrong)})


def problem_of(error: Exception) -> Problem:
    """Find the problem that an error is answered with; an unexpected one tells nothing."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, falcon.HTTPError):
        return _of_framework(error)
    known = [BY_ERROR[each] for each in type(error).__mro__ if each in BY_ERROR]
    found = known[0] if known else INTERNAL_ERROR
    if found is INTERNAL_ERROR:
        return Problem(found, "The server's log has the error under this request's id.")
    if wrong := _wrong_of(error):
        return Problem(found, _first(wrong), members={"errors": _errors(wrong)})
    if isinstance(error, errors.RateExceeded):
        violated = error.violated
        headers = {"Retry-After": str(violated.reset_s)}
        members = {"violated-policies": [violated.policy]}
        return Problem(found, str(error), headers=headers, members=members)
    return Problem(found, str(error) or found.title)


def _wrong_of(error: Exception) -> list[tuple[str, str]]:
    """Return what is wrong in the body, if the error says where."""
    if isinstance(error, errors.DependencyMissing):
        return [(f"/after/{error.index}", str(error))]
    return list(error.errors) if isinstance(error, errors.InvalidParameters) else []


def _of_framework(error: falcon.HTTPError) -> Problem:
    found = type_of_status(error.status_code)
    headers = dict(error.headers or {})
    detail = error.description or found.title
    if found is METHOD_NOT_ALLOWED:
        detail = f"This address supports {headers.get('Allow', '')}."
    elif found is NOT_FOUND:
        detail = "`/docs` and `/openapi.json` list the addresses."
    return Problem(found, detail, headers=headers)


def _errors(wrong: list[tuple[str, str]]) -> list[InputErrorObject]:
    return [{"detail": detail, "pointer": pointer} for pointer, detail in wrong[:_MAX_ERRORS]]


def _first(wrong: list[tuple[str, str]]) -> str:
    pointer, detail = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return f"{pointer or 'The body'}: {detail}{more}"
