"""The calls about jobs, operations and schedules."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from callboard.client.answer_types import (
    CancelOfferObject,
    JobObject,
    LogLineObject,
    OperationObject,
    ScheduleObject,
)
from callboard.client.connection import Connection, segment, with_callback
from callboard.client.errors import JobFailed
from callboard.client.files import Form, Source, Sources, is_file
from callboard.client.server_events import Event
from callboard.client.wait_for_job import events_of, look, wait_for


class JobCalls(Connection):
    """The calls about jobs."""

    def operations(self) -> Sequence[OperationObject]:
        """List the operations that the server runs."""
        items: Sequence[OperationObject] = self._read("GET", "/v1/operations", "items")["items"]
        return items

    def submit(
        self,
        operation: str,
        params: Mapping[str, Any] | None = None,
        *,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        files: Mapping[str, Source | Sources] | None = None,
        callback: str | Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> JobObject:
        """Submit a job.

        Its files are sent in the same request: the same key and the same bytes create one job, and
        no file of a rejected job is kept.

        Args:
            operation: the operation's name.
            params: JSON-like.
            fields: further parameters as texts, which the server converts by the operation's
                schema: `"3"` becomes 3 for a number; several for a list.
            files: further parameters that are files: paths, open files, or lists of them.
            callback: a URL to call when it ends, or `{"url": …, "events": […]}`.
            idempotency_key: equal keys make one job; a new one by default.
            options: further fields of a submission, such as `priority`, `labels`, and `after`: a
                list of ids of jobs that must end before this one starts.

        Raises:
            OSError: a file cannot be read.
        """
        options = with_callback(options, callback)
        if files or fields:
            form = Form(params or {}, fields or {}, files or {})
            return self._create_by_form(operation, idempotency_key, form, options)
        body = {"operation": operation, "params": dict(params or {}), **options}
        return cast("JobObject", self._create("/v1/jobs", idempotency_key, body))

    def retry(self, job_id: str, *, idempotency_key: str | None = None) -> JobObject:
        """Submit a final job once more, as a new job that names it in `retry_of`.

        Args:
            job_id: which.
            idempotency_key: equal keys make one job; a new one by default.
        """
        return cast("JobObject", self._create(f"{path_of(job_id)}/retry", idempotency_key))

    def job(self, job_id: str, *, wait: int = 0) -> JobObject:
        """Read a job.

        Args:
            job_id: which.
            wait: seconds to wait for its status to change.
        """
        response = look(self._transport, path_of(job_id), wait=wait)
        return cast("JobObject", self._transport.document(response, "id", "status"))

    def events(self, job_id: str, *, after: str = "") -> Iterator[Event]:
        """Yield what happens to a job as it happens, until it is final: `done` comes last.

        A connection that ends before is made again, and goes on where it was.

        Args:
            job_id: which.
            after: the id of the event that was seen last; from the beginning without one.
        """
        return events_of(self._transport, path_of(job_id), after)

    def wait(self, job_id: str, *, timeout: float | None = None) -> JobObject:
        """Wait until a job is final, without polling.

        Args:
            job_id: which.
            timeout: seconds; None waits for ever.

        Raises:
            TimeoutError: it is not final by then.
        """
        return wait_for(self._transport, path_of(job_id), timeout)

    def result(self, job_id: str, *, timeout: float | None = None) -> Any:
        """Wait for a job and give its result.

        Files in it are objects with `name`, `size`, `sha256` and more, for `download`.

        Args:
            job_id: which.
            timeout: seconds; None waits for ever.

        Raises:
            JobFailed: it ended without one.
            TimeoutError: it is not final by then.
        """
        job = self.wait(job_id, timeout=timeout)
        if job["status"] != "succeeded":
            raise JobFailed(job)
        if is_file(job.get("result")):
            return job["result"]  # its bytes are at the address of the result
        return self._transport.value(self._transport.ask("GET", f"{path_of(job_id)}/result"))

    def cancel(self, job_id: str, *, force: bool = False) -> JobObject:
        """Cancel a job in one step; one that is final already stays as it is.

        Args:
            job_id: which.
            force: kill its function, where the operation's isolation allows that.
        """
        params = {"force": "true"} if force else {}
        job = self._read("DELETE", path_of(job_id), "id", "status", params=params)
        return cast("JobObject", job)

    def ask_to_cancel(self, job_id: str) -> CancelOfferObject:
        """Take the first of two steps: give the job and a `confirmation`, and change nothing."""
        return cast("CancelOfferObject", self._read("POST", f"{path_of(job_id)}/cancel"))

    def confirm_cancel(self, job_id: str, token: str) -> JobObject:
        """Take the second step, with the token of the first."""
        body = {"confirm": token}
        job = self._read("POST", f"{path_of(job_id)}/cancel", "id", "status", json=body)
        return cast("JobObject", job)

    def list(
        self,
        *,
        status: str | None = None,
        operation: str | None = None,
        labels: Mapping[str, str] | None = None,
        batch: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
    ) -> Iterator[JobObject]:
        """Yield jobs, newest first; further pages are fetched when they are wanted.

        Args:
            status: in which they are.
            operation: of which they are.
            labels: that they all have.
            batch: the id of the one that they all belong to.
            created_after: later than this; a `datetime` with a zone, or RFC 3339.
            created_before: earlier than this.
        """
        asked = {
            "status": status,
            "operation": operation,
            "batch": batch,
            "created_after": _moment(created_after),
            "created_before": _moment(created_before),
            **{f"label.{name}": value for name, value in (labels or {}).items()},
        }
        chosen = {name: value for name, value in asked.items() if value is not None}
        return cast("Iterator[JobObject]", self._pages("/v1/jobs", {**chosen, "limit": "100"}))

    def log(self, job_id: str, *, after: int = 0) -> Iterator[LogLineObject]:
        """Yield the lines of a job's log, each with `number`, `time` and `text`.

        Args:
            job_id: which.
            after: the number of the line that was seen last.
        """
        lines = self._pages(f"{path_of(job_id)}/log", {"after": str(after), "limit": "1000"})
        return cast("Iterator[LogLineObject]", lines)

    def schedules(self) -> Sequence[ScheduleObject]:
        """List schedules; for operators."""
        items: Sequence[ScheduleObject] = self._read("GET", "/v1/schedules", "items")["items"]
        return items


def path_of(job_id: str) -> str:
    """Return the path of a job."""
    return f"/v1/jobs/{segment(job_id)}"


def _moment(given: datetime | str | None) -> str | None:
    return given.isoformat() if isinstance(given, datetime) else given
