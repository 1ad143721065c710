"""What a client may run into."""

from collections.abc import Mapping
from typing import Any


class CallboardClientError(Exception):
    """A request to the server did not do what was asked."""


class ServerAway(CallboardClientError):
    """The server does not answer."""


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
        title = document.get("title", "The server refused.")
        detail = document.get("detail", "")
        errors = [f"{e.get('pointer', '')}: {e.get('detail')}" for e in document.get("errors", ())]
        super().__init__(" ".join([f"{status} {title}", detail, *errors]).strip())

    @property
    def kind(self) -> str:
        """The last part of the problem's type, such as `duplicate-job`; empty when it has none."""
        return str(self.document.get("type", "")).replace("#", "/").rpartition("/")[2]


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
