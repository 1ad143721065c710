"""Every type of problem that requests are answered with."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from callboard.api.urls import Urls

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
BODIES_FULL: Final = Kind(
    REDUCED_CAPACITY, 503, "The server holds as many bodies as it can.", "BODIES_FULL", 5
)
DOWNLOADS_FULL: Final = Kind(
    REDUCED_CAPACITY, 503, "The server sends as many downloads as it can.", "DOWNLOADS_FULL", 5
)
OTHER_ORIGIN: Final = Kind(
    "other-origin", 403, "Pages of other sites may not do this without a key."
)
MISDIRECTED: Final = Kind("misdirected", 421, "This server does not have this name.")
NOT_READY: Final = Kind(REDUCED_CAPACITY, 503, "The server cannot take jobs.", "NOT_READY", 5)
DRAINING: Final = Kind(REDUCED_CAPACITY, 503, "This process is stopping.", "DRAINING", 1)

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


def kind_of_status(status: int) -> Kind:
    """Find the kind of an error that is known by its status alone; `about:blank` for a rare one."""
    return FRAMEWORK.get(status) or Kind("about:blank", status, HTTPStatus(status).phrase)
