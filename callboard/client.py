"""Submit jobs and wait for them, over HTTP."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from callboard.errors import JobFailed
from callboard.following import WAIT_SECONDS, JobObject, events_of, look, wait_for
from callboard.server_events import Event
from callboard.transport import Transport

ANSWER_SECONDS: Final = 15.0

Objects = list[dict[str, Any]]


class Client:
    """A connection to one server; use it as a context manager, from one thread.

    Requests that the server cannot take now, and connections that break, are tried again until
    `patience` is over. Each of them is safe to repeat: submissions carry an Idempotency-Key, so
    that an answer that was lost never makes two jobs.

    Every method raises `Problem` when the server refuses, `ServerAway` when it does not answer,
    and `CannotAsk` when it cannot be asked, as at a wrong address.

    Args:
        url: of the server, such as `http://127.0.0.1:8000`.
        api_key: when the server asks for one.
        patience: seconds.
        on_away: called with a line for people when the server does not answer and is asked again.
        transport: in place of connections to a server, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        patience: float = 30.0,
        on_away: Callable[[str], None] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        http = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=WAIT_SECONDS + ANSWER_SECONDS,
            transport=transport,
        )
        self._transport = Transport(http, patience=patience, on_away=on_away)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and end pauses."""
        self._transport.close()

    def operations(self) -> Objects:
        """List what can be run."""
        items: Objects = self._transport.ask("GET", "/v1/operations").json()["items"]
        return items

    def submit(
        self,
        operation: str,
        params: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> JobObject:
        """Submit a job.

        Args:
            operation: its name.
            params: JSON-like.
            idempotency_key: equal keys make one job; a new one by default.
            options: further members of a submission, such as `priority` and `labels`.
        """
        body = {"operation": operation, "params": dict(params or {}), **options}
        return self._create("/v1/jobs", idempotency_key, json=body)

    def retry(self, job_id: str, *, idempotency_key: str | None = None) -> JobObject:
        """Submit a final job once more, as a new job that names it in `retry_of`.

        Args:
            job_id: which.
            idempotency_key: equal keys make one job; a new one by default.
        """
        return self._create(f"{_path(job_id)}/retry", idempotency_key)

    def job(self, job_id: str, *, wait: int = 0) -> JobObject:
        """Read a job.

        Args:
            job_id: which.
            wait: seconds to wait for its status to change.
        """
        job: JobObject = look(self._transport, _path(job_id), wait=wait).json()
        return job

    def events(self, job_id: str, *, after: str = "") -> Iterator[Event]:
        """Yield what happens to a job as it happens, until it is final: `done` comes last.

        A connection that ends before is made again, and goes on where it was.

        Args:
            job_id: which.
            after: the id of the event that was seen last; from the beginning without one.
        """
        return events_of(self._transport, _path(job_id), after)

    def wait(self, job_id: str, *, timeout: float | None = None) -> JobObject:
        """Wait until a job is final, without polling.

        Args:
            job_id: which.
            timeout: seconds; for ever without one.

        Raises:
            TimeoutError: it is not final by then.
        """
        return wait_for(self._transport, _path(job_id), timeout)

    def result(self, job_id: str, *, timeout: float | None = None) -> Any:
        """Wait for a job and give its result.

        Args:
            job_id: which.
            timeout: seconds; for ever without one.

        Raises:
            JobFailed: it ended without one.
            TimeoutError: it is not final by then.
        """
        job = self.wait(job_id, timeout=timeout)
        if job["status"] != "succeeded":
            raise JobFailed(job)
        return self._transport.ask("GET", f"{_path(job_id)}/result").json()

    def cancel(self, job_id: str, *, force: bool = False) -> JobObject:
        """Cancel a job in one step; one that is final already stays as it is.

        Args:
            job_id: which.
            force: kill its function, where the operation's isolation allows that.
        """
        params = {"force": "true"} if force else {}
        job: JobObject = self._transport.ask("DELETE", _path(job_id), params=params).json()
        return job

    def ask_to_cancel(self, job_id: str) -> dict[str, Any]:
        """Take the first of two steps: give the job and a `confirmation`, and change nothing."""
        answer: dict[str, Any] = self._transport.ask("POST", f"{_path(job_id)}/cancel").json()
        return answer

    def confirm_cancel(self, job_id: str, token: str) -> JobObject:
        """Take the second step, with the token of the first."""
        body = {"confirm": token}
        job: JobObject = self._transport.ask("POST", f"{_path(job_id)}/cancel", json=body).json()
        return job

    def list(
        self,
        *,
        status: str | None = None,
        operation: str | None = None,
        labels: Mapping[str, str] | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
    ) -> Iterator[JobObject]:
        """Yield jobs, newest first; further pages are fetched when they are wanted.

        Args:
            status: in which they are.
            operation: of which they are.
            labels: that they all have.
            created_after: later than this; a `datetime` with a zone, or RFC 3339.
            created_before: earlier than this.
        """
        asked = {
            "status": status,
            "operation": operation,
            "created_after": _moment(created_after),
            "created_before": _moment(created_before),
            **{f"label.{name}": value for name, value in (labels or {}).items()},
        }
        chosen = {name: value for name, value in asked.items() if value is not None}
        return self._pages("/v1/jobs", {**chosen, "limit": "100"})

    def log(self, job_id: str, *, after: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the lines of a job's log, each with `number`, `time` and `text`.

        Args:
            job_id: which.
            after: the number of the line that was seen last.
        """
        return self._pages(f"{_path(job_id)}/log", {"after": str(after), "limit": "1000"})

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        page = self._transport.ask("GET", path, params=params).json()
        yield from page["items"]
        while page["next"]:
            page = self._transport.ask("GET", _target(page["next"])).json()
            yield from page["items"]

    def _create(self, path: str, idempotency_key: str | None, **request: Any) -> JobObject:
        headers = {
            "Idempotency-Key": idempotency_key or str(uuid.uuid4()),
            "Prefer": "respond-async",
        }
        response = self._transport.ask("POST", path, headers=headers, **request)
        if response.status_code == httpx.codes.SEE_OTHER:
            # A duplicate that the operation answers with the job that is active already.
            response = self._transport.ask("GET", _target(response.headers["location"]))
        job: JobObject = response.json()
        return job


def _path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _target(url: str) -> str:
    """Take what is behind the server's address, for the client may have another one for it."""
    target = httpx.URL(url).raw_path.decode()
    return target[target.index("/v1/") :]


def _moment(given: datetime | str | None) -> str | None:
    return given.isoformat() if isinstance(given, datetime) else given
