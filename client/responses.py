"""Responses: problems of the server, and responses that no Callboard server sends."""

from typing import Final

import httpx

from callboard.client.errors import Problem, StrangeAnswer

_OURS: Final = frozenset({httpx.codes.SEE_OTHER, httpx.codes.NOT_MODIFIED})
"""Of the answers from 300 to 399 those that a server gives itself."""

_MAX_SHOWN_LENGTH: Final = 200


def problem_of(response: httpx.Response) -> Problem:
    """Read a refusal, which may come from a proxy and be no problem document at all."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        document = {}
    return Problem(
        response.status_code,
        document if isinstance(document, dict) else {},
        retry_after(response),
    )


def retry_after(response: httpx.Response) -> int | None:
    """Return the seconds that the server asks to wait; dates are left alone."""
    after = response.headers.get("retry-after", "")
    return int(after) if after.isascii() and after.isdigit() else None


def media_type_of(response: httpx.Response) -> str:
    """Say of what type an answer is, without its parameters."""
    given: str = response.headers.get("content-type", "")
    return given.partition(";")[0].strip()


def refuse_redirect(address: str, response: httpx.Response) -> None:
    """Refuse redirects to other servers, which would receive the key.

    Raises:
        StrangeAnswer: the response is such a redirect.
    """
    if response.is_redirect and response.status_code not in _OURS:
        place = response.headers.get("location", "")[:_MAX_SHOWN_LENGTH]
        raise StrangeAnswer(
            f"{address} redirects ({response.status_code}, to {place!r}); "
            "use the URL of the server itself."
        )


def strange(address: str, response: httpx.Response) -> StrangeAnswer:
    """Say that an answer is none of Callboard's."""
    given = media_type_of(response)[:_MAX_SHOWN_LENGTH] or "no type"
    return StrangeAnswer(
        f"{address} answers {response.status_code} with {given}, which Callboard never sends; "
        "it may be another server or a proxy."
    )
