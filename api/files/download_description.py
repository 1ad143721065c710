"""The description that all downloads share: ranges, digests and preconditions."""

from dataclasses import replace
from typing import Final

from callboard.api.description import ResponseDescription
from callboard.api.problems import table
from callboard.api.problems.problem_type import ProblemType

PARAMETERS: Final = ("Range", "If-Range", "If-None-Match", "If-Match")
REFUSALS: Final[tuple[ProblemType, ...]] = (
    table.PRECONDITION_FAILED,
    table.RANGE_NOT_SATISFIABLE,
    table.DOWNLOADS_FULL,
    table.STORAGE_UNAVAILABLE,
)
ANY: Final = "*/*"
AS_FILE: Final = ("Content-Disposition", "Content-Security-Policy")
_HEADERS: Final = ("ETag", "Accept-Ranges", "Repr-Digest")


def downloads(whole: ResponseDescription) -> dict[int, ResponseDescription]:
    """Return the descriptions of the responses to a download.

    Args:
        whole: the response with all bytes, without the shared headers.
    """
    whole = replace(whole, headers=(*_HEADERS, *whole.headers))
    part = replace(
        whole,
        description="The requested range.",
        schema="Bytes",
        media=(ANY,),
        also={},
        headers=(*whole.headers, "Content-Range"),
        links=(),
    )
    varies = {"headers": ("Vary",), "optional_headers": ("Vary",)}
    named = {key: tuple(h for h in getattr(whole, key) if h in of) for key, of in varies.items()}
    known = ResponseDescription(
        description="The client's copy is current.", headers=("ETag", *named["headers"]),
        optional_headers=named["optional_headers"],
    )  # fmt: skip
    return {200: whole, 206: part, 304: known}
