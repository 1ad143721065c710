"""Submit jobs and wait for them, over HTTP."""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx

from callboard.errors import JobFailed, Problem, ServerAway

FINAL: Final = frozenset({"succeeded", "failed", "cancelled"})
WAIT_SECONDS: Final = 30
ANSWER_SECONDS: Final = 15.0
LATER_SECONDS: Final = 0.2
LATER: Final = frozenset({429, 503})

JobObject = dict[str, Any]


class Client:
    """A connection to one server; use it as a context manager, from one thread.

    Requests that the server cannot take now, and connections that break, are tried again until
    `patience` is over; submissions carry an Idempotency-Key, so that this never makes two jobs.

    Args:
        url: of the server, such as `http://127.0.0.1:8000`.
        api_key: when the server asks for one.
        patience: seconds.
    """

    def __init__(self, url: str, *, api_key: str | None = None, patience: float = 30.0) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=WAIT_SECONDS + ANSWER_SECONDS
        )
        self._patience = patience
        self._pause = threading.Event()

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
        self._pause.set()
        self._http.close()

    def operations(self) -> list[dict[str, Any]]:
        """List what can be run.

        Raises:
            Problem, ServerAway: the server refuses, or does not answer.
        """
        items: list[dict[str, Any]] = self._ask("GET", "/v1/operations").json()["items"]
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

        Raises:
            Problem, ServerAway: the server refuses, or does not answer.
        """
        body = {"operation": operation, "params": dict(params or {}), **options}
        headers = {
            "Idempotency-Key": idempotency_key or str(uuid.uuid4()),
            "Prefer": "respond-async",
        }
        job: JobObject = self._ask("POST", "/v1/jobs", json=body, headers=headers).json()
        return job

    def job(self, job_id: str, *, wait: int = 0) -> JobObject:
        """Read a job.

        Args:
            job_id: which.
            wait: seconds to wait for its status to change.

        Raises:
            Problem, ServerAway: the server refuses, or does not answer.
        """
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        job: JobObject = self._ask("GET", f"/v1/jobs/{job_id}", headers=headers).json()
        return job

    def follow(self, job_id: str, *, interval: float = 0.2) -> Iterator[JobObject]:
        """Yield the job again and again until it is final, the final one last.

        Args:
            job_id: which.
            interval: seconds between two looks.

        Raises:
            Problem, ServerAway: the server refuses, or does not answer.
        """
        while True:
            job = self.job(job_id)
            yield job
            if job["status"] in FINAL:
                return
            self._pause.wait(interval)

    def wait(self, job_id: str, *, timeout: float | None = None) -> JobObject:
        """Wait until a job is final, without polling.

        Raises:
            TimeoutError: it is not, after `timeout` seconds.
            Problem, ServerAway: the server refuses, or does not answer.
        """
        ends_at = None if timeout is None else time.monotonic() + timeout
        while True:
            left = WAIT_SECONDS if ends_at is None else ends_at - time.monotonic()
            job = self.job(job_id, wait=max(1, min(WAIT_SECONDS, int(left))))
            if job["status"] in FINAL:
                return job
            if ends_at is not None and time.monotonic() >= ends_at:
                raise TimeoutError(f"Job {job_id} is {job['status']} after {timeout} s.")

    def result(self, job_id: str, *, timeout: float | None = None) -> Any:
        """Wait for a job and give its result.

        Raises:
            JobFailed: it ended without one.
            TimeoutError: it is not final after `timeout` seconds.
            Problem, ServerAway: the server refuses, or does not answer.
        """
        job = self.wait(job_id, timeout=timeout)
        if job["status"] != "succeeded":
            raise JobFailed(job)
        return self._ask("GET", f"/v1/jobs/{job_id}/result").json()

    def cancel(self, job_id: str) -> JobObject:
        """Cancel a job; one that is final already stays as it is.

        Raises:
            Problem, ServerAway: the server refuses, or does not answer.
        """
        job: JobObject = self._ask("DELETE", f"/v1/jobs/{job_id}").json()
        return job

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        ends_at = time.monotonic() + self._patience
        while True:
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                if time.monotonic() >= ends_at:
                    raise ServerAway(f"{self._http.base_url} does not answer.") from error
                self._pause.wait(LATER_SECONDS)
                continue
            if response.status_code < httpx.codes.BAD_REQUEST:
                return response
            problem = _problem(response)
            pause = problem.retry_after if problem.retry_after is not None else 1
            if response.status_code not in LATER or time.monotonic() + pause > ends_at:
                raise problem
            self._pause.wait(pause)


def _problem(response: httpx.Response) -> Problem:
    try:
        document = response.json()
    except ValueError:
        document = {}
    after = response.headers.get("retry-after", "")
    return Problem(
        response.status_code,
        document if isinstance(document, dict) else {},
        int(after) if after.isdigit() else None,
    )
