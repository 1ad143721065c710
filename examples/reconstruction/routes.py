"""The older API on the same jobs: its paths, form fields, statuses and codes."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, BinaryIO, Final

from falcon import HTTP_202, HTTP_400, HTTP_404, HTTP_409, HTTP_503, Response

from callboard.routes import (
    CapacityExceeded,
    ConfirmationStale,
    FileRefused,
    InvalidParameters,
    JobFinal,
    JobNotFound,
    Jobs,
    Record,
    Request,
    Route,
    Status,
)
from examples.reconstruction.volumes.first_look import look

PREFIX = "/reconstruction"
OPERATION: Final = "reconstruct"
CANCEL_SECONDS: Final = 5.0
YES: Final = "true"
"""The token of clients that confirm with `true`, which is valid beside each random one."""
NUMBERS: Final = {"resolution": 1, "reduction": 1, "spacing": 3, "threshold": 1}
"""Form fields, and how many numbers each may contain."""

OLD: Final[Mapping[Status, str]] = {
    "scheduled": "queued",
    "queued": "queued",
    "running": "processing",
    "cancelling": "processing",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


class Submit:
    """`/jobs` and `/jobs/`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_post(self, req: Request, resp: Response) -> None:
        """Submit a scan; a file that is not a scan is refused at once."""
        try:
            with self._jobs.form(
                req, OPERATION, others=NUMBERS, lenient=True, check=_check
            ) as form:
                params = {**form.params, **_numbers(form.others)}
                job = self._jobs.submit(req, OPERATION, params)
        except FileRefused as error:
            _answer(resp, HTTP_400, f"{error.name}: {error.detail}")
        except InvalidParameters as error:
            wrong = "; ".join(f"{pointer[1:]} {what}" for pointer, what in error.errors)
            _answer(resp, HTTP_400, wrong)
        except CapacityExceeded as error:
            resp.set_header("Retry-After", "30")
            _answer(resp, HTTP_503, str(error))
        else:
            resp.status = HTTP_202
            resp.location = f"{self._jobs.base(req)}{req.path.rstrip('/')}/{job.id}"
            resp.set_header("Retry-After", str(self._jobs.retry_after(job)))
            resp.media = {"job_id": job.id, "status": "queued"}


class JobById:
    """`/jobs/{job_id}`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Get a job."""
        job = _read(self._jobs, req, job_id)
        if job is None:
            _answer(resp, HTTP_404, "There is no such job.")
            return
        if not job.final:
            resp.set_header("Retry-After", str(self._jobs.retry_after(job)))
        resp.media = _shown(self._jobs, req, job)


class Cancel:
    """`/jobs/{job_id}/cancel`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_post(self, req: Request, resp: Response, job_id: str) -> None:
        """Cancel a job in two steps: the first returns a token, which the second sends."""
        has_body = req.content_length or req.get_header("Transfer-Encoding")
        body = self._jobs.body(req) if has_body else {}
        confirm = body.get("confirm") if isinstance(body, dict) else None
        job = _read(self._jobs, req, job_id)
        try:
            if job is None:
                _answer(resp, HTTP_404, "There is no such job.")
            elif not confirm:
                self._ask(req, resp, job_id)
            else:
                self._confirm(req, resp, job_id, YES if confirm is True else str(confirm))
        except JobFinal:
            _answer(resp, HTTP_409, "The job has ended.")
        except ConfirmationStale:
            _answer(resp, HTTP_409, "The token is unknown or has expired; request a new one.")

    def _ask(self, req: Request, resp: Response, job_id: str) -> None:
        self._jobs.offer_cancel(req, job_id, token=YES)
        offer = self._jobs.offer_cancel(req, job_id)
        resp.media = {
            "status": "confirmation_required",
            "confirm_token": offer.token,
            "expires_at": offer.expires_at.isoformat(),
        }

    def _confirm(self, req: Request, resp: Response, job_id: str, token: str) -> None:
        self._jobs.confirm_cancel(req, job_id, token)
        job = self._jobs.wait(req, job_id, CANCEL_SECONDS)
        resp.media = _shown(self._jobs, req, job)


def routes(jobs: Jobs) -> list[Route]:
    """Return the older API's routes."""
    return [
        Route("/jobs", Submit(jobs), {"POST": "client"}),
        Route("/jobs/{job_id}", JobById(jobs), {"GET": "viewer"}),
        Route("/jobs/{job_id}/cancel", Cancel(jobs), {"POST": "client"}),
    ]


def _check(content: BinaryIO) -> None:
    look(content)


def _numbers(fields: Mapping[str, str]) -> dict[str, Any]:
    """Read numbers as older clients write them: `1.5`, `1, 1, 2.5`, or `auto` for the default."""
    found: dict[str, Any] = {}
    for name, text in fields.items():
        if text.strip().lower() in ("", "auto", "none", "null"):
            continue
        try:
            numbers = [float(part) for part in re.split(r"[\s,;x]+", text.strip(" []()"))]
        except ValueError:
            numbers = []
        count = NUMBERS[name]
        if len(numbers) not in (1, count) or not all(map(isfinite, numbers)):
            wanted = "a number" if count == 1 else f"one number or {count}"
            raise InvalidParameters([(f"/{name}", f"must be {wanted}, not {text[:40]!r}")])
        found[name] = numbers[0] if count == 1 else numbers * (count // len(numbers))
    return found


def _read(jobs: Jobs, req: Request, job_id: str) -> Record | None:
    try:
        job = jobs.read(req, job_id)
    except JobNotFound:
        return None
    return job if job.operation == OPERATION else None


def _shown(jobs: Jobs, req: Request, job: Record) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "status": OLD[job.status],
        "progress": 100 if job.has_result else round(job.progress.percent or 0),
        "stage": job.progress.step,
        "result": _result(jobs.result(req, job)) if job.has_result else None,
        "error": job.error["detail"] if job.error and job.final else None,
    }


def _result(result: Mapping[str, Any]) -> dict[str, Any]:
    files = [
        {**{key: each[key] for key in ("name", "href", "media_type")}, "bytes": each["size"]}
        for each in result["files"]
    ]
    return {"files": files, "report": result["report"]}


def _answer(resp: Response, status: str, detail: str) -> None:
    resp.status, resp.media = status, {"detail": detail}
