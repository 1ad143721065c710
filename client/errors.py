"""What a client may run into."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_WORD: Final = re.compile(r"\w+")


class CallboardClientError(Exception):
    """A request to the server did not do what was asked."""


class ServerAway(CallboardClientError):
    """The server does not answer."""


class CannotAsk(CallboardClientError):
    """The request cannot be made, now or later: its address, its way or a header is wrong."""


class StrangeAnswer(CallboardClientError):
    """Something answers at this address, and not as a server of Callboard does."""


class Problem(CallboardClientError):
    """The server refused, with a problem document (RFC 9457).

    Attributes:
        status: of the answer.
        document: the whole problem; empty when the answer was none.
        retry_after: seconds, when the server says so.
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
    """A file came or went with other bytes than those that it has."""


class JobFailed(CallboardClientError):
    """The job ended without a result.

    Attributes:
        job: the job object as it ended.
        problem: why, as the job says; empty for one that was cancelled before it ran.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.job = job
        self.problem: Mapping[str, Any] = job.get("error") or {}
        reason = self.problem.get("detail", "no reason given")
        super().__init__(f"Job {job['id']} {job['status']}: {reason}")


def _sentences(document: Mapping[str, Any]) -> Iterator[str]:
    """Say what a problem says, each thing once."""
    title = str(document.get("title", "The server refused."))
    detail = str(document.get("detail", ""))
    if not _says(detail, title):
        yield title
    if detail:
        yield detail
    errors = [f"{e.get('pointer', '')}: {e.get('detail')}" for e in document.get("errors", ())]
    # The detail of a problem with errors is the first of them.
    yield from errors[1:] if detail else errors


def _says(detail: str, title: str) -> bool:
    """Tell whether a detail is its title with names and numbers filled in: half of it is there."""
    words = set(_WORD.findall(title.lower()))
    return 2 * len(words & set(_WORD.findall(detail.lower()))) >= len(words)
