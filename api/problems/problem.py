"""A problem (RFC 9457): what a refused request is answered with."""

from collections.abc import Mapping
from typing import Any, Final

import falcon

from callboard.api.problems.kinds import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    Kind,
    kind_of_status,
)
from callboard.api.problems.table import TABLE
from callboard.api.urls import Urls
from callboard.jobs import errors
from callboard.jobs.quota import POLICY

_MAX_ERRORS: Final = 100


class Problem(Exception):
    """A request is refused; what is answered, without what only the request knows."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse.

        Args:
            kind: of which type.
            detail: what the client can do about it.
            headers: of the answer, beside those of its kind.
            members: further members of the problem object.
        """
        self.kind: Final = kind
        self.detail: Final = detail
        waiting = {} if kind.retry_after_s is None else {"Retry-After": str(kind.retry_after_s)}
        self.headers: Final = {**waiting, **(headers or {})}
        self.members: Final = {**({"code": kind.code} if kind.code else {}), **(members or {})}
        super().__init__(detail)

    def body(self, urls: Urls, request_id: str) -> dict[str, Any]:
        """Give the problem object."""
        return {
            "type": self.kind.type(urls),
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "request_id": request_id,
            **self.members,
        }


def invalid_request(wrong: list[tuple[str, str]]) -> Problem:
    """Refuse a request for what is wrong in it.

    Args:
        wrong: pairs of a JSON Pointer into the body, or a query parameter's name, and what is
            wrong there.
    """
    return Problem(INVALID_REQUEST, _first(wrong), members={"errors": _errors(wrong)})


def problem_of(error: Exception) -> Problem:
    """Find the problem that an error is answered with; an unexpected one tells nothing."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, falcon.HTTPError):
        return _of_framework(error)
    kind = next((TABLE[each] for each in type(error).__mro__ if each in TABLE), INTERNAL_ERROR)
    if kind is INTERNAL_ERROR:
        return Problem(kind, "The failure was logged under this request's id.")
    if isinstance(error, errors.InvalidParameters):
        wrong = list(error.errors)
        return Problem(kind, _first(wrong), members={"errors": _errors(wrong)})
    if isinstance(error, errors.RateExceeded):
        headers = {"Retry-After": str(error.quota.reset_s)}
        return Problem(kind, str(error), headers=headers, members={"violated-policies": [POLICY]})
    return Problem(kind, str(error) or kind.title)


def _of_framework(error: falcon.HTTPError) -> Problem:
    kind = kind_of_status(error.status_code)
    headers = dict(error.headers or {})
    detail = error.description or kind.title
    if kind is METHOD_NOT_ALLOWED:
        detail = f"Methods that this address has: {headers.get('Allow', '')}."
    elif kind is NOT_FOUND:
        detail = "`/docs` and `/openapi.json` tell which addresses there are."
    return Problem(kind, detail, headers=headers)


def _errors(wrong: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"detail": detail, "pointer": pointer} for pointer, detail in wrong[:_MAX_ERRORS]]


def _first(wrong: list[tuple[str, str]]) -> str:
    pointer, detail = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return f"{pointer or 'The body'}: {detail}{more}"
