"""The errors that a client raises."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_WORD: Final = re.compile(r"\w+")


class CallboardClientError(Exception):
    """A request to the server did not succeed."""


class ServerAway(CallboardClientError):
    """The server does not answer."""


class CannotAsk(CallboardClientError):
    """The request can never be sent: its URL, its proxy or a header is invalid."""


class StrangeAnswer(CallboardClientError):
    """Another server than Callboard answers at this URL."""


class Problem(CallboardClientError):
    """The server rejected the request, with a problem document (RFC 9457).

    Attributes:
        status: the HTTP status.
        document: the problem; empty if the response has no problem document.
        retry_after: the seconds of `Retry-After`, if the response has it.
    """

    def __init__(
        self, status: int, document: Mapping[str, Any], retry_after: int | None = None
    ) -> None:
        self.status = status
        self.document = document
        self.retry_after = retry_after
        super().__init__(" ".join([str(status), *_sentences(document)]))

    @property
    def kind(self) -> str:
        """The last part of the problem's type, such as `duplicate-job`; empty when it has none."""
        return str(self.document.get("type", "")).replace("#", "/").rpartition("/")[2]


class FileDamaged(CallboardClientError):
    """A file was transferred with other bytes than its SHA-256 says."""


class JobFailed(CallboardClientError):
    """The job ended without a result.

    Attributes:
        job: the final job object.
        problem: the job's error; empty if it was cancelled before it ran.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.job = job
        self.problem: Mapping[str, Any] = job.get("error") or {}
        reason = self.problem.get("detail", "no reason given")
        super().__init__(f"Job {job['id']} {job['status']}: {reason}")


def _sentences(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sentences of a problem, each once."""
    title = str(document.get("title", "The server rejected the request."))
    detail = str(document.get("detail", ""))
    if not _says(detail, title):
        yield title
    if detail:
        yield detail
    errors = [f"{e.get('pointer', '')}: {e.get('detail')}" for e in document.get("errors", ())]
    # The detail of a problem with errors is the first of them.
    yield from errors[1:] if detail else errors


def _says(detail: str, title: str) -> bool:
    """Return whether a detail is the title with names and numbers filled in."""
    words = set(_WORD.findall(title.lower()))
    return 2 * len(words & set(_WORD.findall(detail.lower()))) >= len(words)
