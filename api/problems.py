"""Every problem that is answered (RFC 9457), and the one table from errors to problems."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import falcon

from api.urls import Urls
from jobs import errors
from jobs.quota import POLICY

_MOST_ERRORS: Final = 100
REDUCED_CAPACITY: Final = (
    "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
)
QUOTA_EXCEEDED: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of problem.

    Attributes:
        name: the end of its address under `/problems/`, or a whole address elsewhere.
        title: the same sentence each time.
        code: a word beside a type that several reasons share.
        retry_after_s: when to try again, unless the one who raises it knows better.
    """

    name: str
    status: int
    title: str
    code: str | None = None
    retry_after_s: int | None = None

    @property
    def slug(self) -> str:
        """Give the end of the address of its page."""
        return self.name.rpartition("#")[2]

    def type(self, urls: Urls) -> str:
        """Give its address."""
        return self.name if ":" in self.name else urls.problem(self.name)


BAD_REQUEST: Final = Kind("bad-request", 400, "The request cannot be understood.")
MALFORMED_BODY: Final = Kind("malformed-body", 400, "The body of the request cannot be read.")
INVALID_HEADER: Final = Kind("invalid-header", 400, "A header of the request is not valid.")
AUTHENTICATION_REQUIRED: Final = Kind("authentication-required", 401, "This needs a valid key.")
FORBIDDEN: Final = Kind("forbidden", 403, "This key may not do that.")
NOT_FOUND: Final = Kind("not-found", 404, "There is nothing at this address.")
METHOD_NOT_ALLOWED: Final = Kind("method-not-allowed", 405, "This address has no such method.")
NO_RESULT: Final = Kind("no-result", 409, "This job ended without a result.")
NOT_ACCEPTABLE: Final = Kind(
    "not-acceptable", 406, "This address has nothing of a type that the client accepts."
)
LENGTH_REQUIRED: Final = Kind("length-required", 411, "The request does not say how long it is.")
BODY_TOO_LARGE: Final = Kind("body-too-large", 413, "The body of the request is too large.")
UNSUPPORTED_MEDIA_TYPE: Final = Kind(
    "unsupported-media-type", 415, "The body of the request is of a type that is not read here."
)
PRECONDITION_FAILED: Final = Kind(
    "precondition-failed", 412, "There is another version than the request names."
)
RANGE_NOT_SATISFIABLE: Final = Kind(
    "range-not-satisfiable", 416, "The part that was asked for is not there."
)
URI_TOO_LONG: Final = Kind("uri-too-long", 414, "The address of the request is too long.")
HEADERS_TOO_LARGE: Final = Kind("headers-too-large", 431, "The request's headers are too large.")
NOT_IMPLEMENTED: Final = Kind("not-implemented", 501, "The server does not do this.")
INVALID_FILE: Final = Kind("invalid-file", 422, "The file cannot be taken as it is.")
FILE_AMBIGUOUS: Final = Kind("file-ambiguous", 422, "The file is of several types at once.")
FILE_TYPE_NOT_ACCEPTED: Final = Kind(
    "file-type-not-accepted", 415, "The file is of a type that is not accepted here."
)
INVALID_REQUEST: Final = Kind("invalid-request", 422, "The request does not fit its schema.")
INTERNAL_ERROR: Final = Kind("internal-error", 500, "The server failed; this is not your fault.")
STREAMS_FULL: Final = Kind(
    REDUCED_CAPACITY, 503, "The server has as many event streams as it takes.", "STREAMS_FULL", 5
)
NOT_READY: Final = Kind(REDUCED_CAPACITY, 503, "The server cannot take jobs.", "NOT_READY", 5)

FRAMEWORK: Final[Mapping[int, Kind]] = {
    kind.status: kind
    for kind in (
        BAD_REQUEST,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        LENGTH_REQUIRED,
        BODY_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        URI_TOO_LONG,
        HEADERS_TOO_LARGE,
        INTERNAL_ERROR,
        NOT_IMPLEMENTED,
    )
}


def _kind(
    error: type[Exception],
    name: str,
    status: int,
    **more: Any,  # fields of `Kind`
) -> tuple[type[Exception], Kind]:
    """Make the kind of an error, whose docstring is the title."""
    return error, Kind(name, status, (error.__doc__ or "").partition("\n")[0], **more)


def _never(error: type[Exception]) -> tuple[type[Exception], Kind]:
    """Say that an error is not a web process's to raise: if one comes, it is a fault of ours."""
    return error, INTERNAL_ERROR


TABLE: Final[Mapping[type[Exception], Kind]] = dict(
    (
        _kind(errors.UnknownOperation, "unknown-operation", 404),
        _kind(errors.InvalidParameters, "invalid-parameters", 422),
        _kind(errors.DuplicateJob, "duplicate-job", 409),
        _kind(errors.IdempotencyMismatch, "idempotency-mismatch", 422),
        _kind(errors.RateExceeded, QUOTA_EXCEEDED, 429),
        _kind(
            errors.CapacityExceeded,
            REDUCED_CAPACITY,
            503,
            code="CAPACITY_EXCEEDED",
            retry_after_s=60,
        ),
        _kind(errors.JobNotFound, "job-not-found", 404),
        _kind(errors.JobGone, "job-gone", 410),
        _kind(errors.BatchNotFound, "batch-not-found", 404),
        _kind(errors.BatchGone, "batch-gone", 410),
        _kind(errors.BatchClosed, "batch-closed", 409),
        _kind(errors.JobNotFinished, "job-not-finished", 409),
        _kind(errors.JobActive, "job-active", 409),
        _kind(errors.JobFinal, "job-final", 409),
        _kind(errors.ConfirmationStale, "confirmation-stale", 409),
        _kind(errors.DeliveryNotFound, "delivery-not-found", 404),
        _kind(errors.DeliveryPending, "delivery-pending", 409, retry_after_s=60),
        _kind(errors.FileMissing, "file-missing", 422),
        _kind(errors.FileNotFound, "file-not-found", 404),
        _kind(errors.FileInUse, "file-in-use", 409),
        _kind(errors.FileTooLarge, "file-too-large", 413),
        _kind(errors.StorageFull, "storage-full", 413, retry_after_s=60),
        _kind(
            errors.StorageUnavailable,
            REDUCED_CAPACITY,
            503,
            code="STORAGE_UNAVAILABLE",
            retry_after_s=5,
        ),
        _kind(
            errors.StoreUnavailable,
            REDUCED_CAPACITY,
            503,
            code="STORE_UNAVAILABLE",
            retry_after_s=5,
        ),
        _kind(errors.ScheduleNotFound, "schedule-not-found", 404),
        _kind(errors.ScheduleFromFile, "schedule-from-file", 409),
        _kind(errors.TooManySchedules, "too-many-schedules", 409),
        _never(errors.OperationError),
        _never(errors.ScheduleInvalid),
        _never(errors.Refused),
        _never(errors.StoreUnfit),
        _never(errors.Failure),
        _never(errors.ResultNotSerialisable),
        _never(errors.ResultTooLarge),
        _never(errors.FileGone),
        _never(errors.Interrupted),
        _never(errors.Cancelled),
        _never(errors.TimedOut),
        _never(errors.LeaseLost),
        _never(errors.ShutDown),
    )
)


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


def kind_of_status(status: int) -> Kind:
    """Find the kind of an error that is known by its status alone; `about:blank` for a rare one."""
    return FRAMEWORK.get(status) or Kind("about:blank", status, HTTPStatus(status).phrase)


def every_kind() -> list[Kind]:
    """Give every kind that has a page, each once, by status."""
    ours = [each for each in globals().values() if isinstance(each, Kind)]
    return sorted(
        dict.fromkeys([*ours, *TABLE.values()]), key=lambda each: (each.status, each.name)
    )


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
    return [{"detail": detail, "pointer": pointer} for pointer, detail in wrong[:_MOST_ERRORS]]


def _first(wrong: list[tuple[str, str]]) -> str:
    pointer, detail = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return f"{pointer or 'The body'}: {detail}{more}"
