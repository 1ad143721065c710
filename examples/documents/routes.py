"""The older API on the same jobs: its paths, form fields, statuses and codes."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from falcon import HTTP_202, HTTP_400, HTTP_404, HTTP_422, HTTP_500, HTTP_503, Response

from callboard.routes import (
    CallbackJob,
    CapacityExceeded,
    Form,
    InvalidParameters,
    JobNotFound,
    Jobs,
    Record,
    Request,
    Route,
    Status,
)

PREFIX = "/documents"

PARSE: Final = "/api/v1/parse"
JOBS: Final = "/api/v1/jobs"
WAIT_SECONDS: Final = 120.0
"""How long a request without `async_mode` waits, up to `CALLBOARD_MAX_WAIT`."""
CAPACITY_SECONDS: Final = 30
"""The `Retry-After` when the maximum number of jobs is active."""

BACKENDS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "auto": ("parse_document", {}),
    "ocr": ("recognize_document", {}),
    "text": ("extract_document", {"backend": "text"}),
    "office": ("extract_document", {"backend": "office"}),
}
"""The operation of each backend, and the parameters that the backend sets."""
OLD_BACKEND: Final = re.compile(r"pipeline|(?:vlm|hybrid)(?:-[a-z0-9]+)*")
"""Older names of backends, such as `vlm-mlx-engine`; they mean `auto`."""
OPERATIONS: Final = frozenset(operation for operation, _ in BACKENDS.values())

OLD: Final[Mapping[Status, str]] = {
    "scheduled": "PENDING",
    "queued": "PENDING",
    "running": "PROCESSING",
    "cancelling": "PROCESSING",
    "succeeded": "SUCCESS",
    "failed": "FAILED",
    "cancelled": "FAILED",
}

LABEL: Final = {"api": "documents"}
"""The label of jobs submitted through these routes; their callbacks have the older body."""


class Parse:
    """`/api/v1/parse`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_post(self, req: Request, resp: Response) -> None:
        """Parse documents.

        Answers 200 with the content, or 202 with the URL of the job if `async_mode` is set or
        the job takes too long.
        """
        others = ("async_mode", "callback_url", "backend")
        with self._jobs.form(
            req, "parse_document", others=others, lenient=True, collect_refused=True
        ) as form:
            backend = form.others.get("backend") or "auto"
            if OLD_BACKEND.fullmatch(backend):
                backend = "auto"
            if backend not in BACKENDS:
                _refuse(
                    resp, HTTP_400, f"{backend!r} is not a backend; use auto, text, ocr or office."
                )
                return
            try:
                job = self._submit(req, form, *BACKENDS[backend])
            except InvalidParameters as error:
                wrong = "; ".join(f"{pointer[1:]} {what}" for pointer, what in error.errors)
                _refuse(resp, HTTP_400, wrong)
                return
            except CapacityExceeded as error:
                resp.set_header("Retry-After", str(CAPACITY_SECONDS))
                _refuse(resp, HTTP_503, str(error))
                return
        if form.others.get("async_mode", "").lower() not in ("true", "1", "yes", "on"):
            job = self._jobs.wait(req, job.id, WAIT_SECONDS)
        self._answer(req, resp, job)

    def _submit(self, req: Request, form: Form, operation: str, fixed: Mapping[str, str]) -> Record:
        refused = [{"filename": each.name, "error": each.detail} for each in form.refused]
        params = {"files": [], **form.params, **fixed, "refused": refused}
        if not params["files"] and not refused:
            raise InvalidParameters([("/files", "contains no file")])
        callback = form.others.get("callback_url")
        return self._jobs.submit(
            req,
            operation,
            params,
            labels=LABEL,
            callback={"url": callback} if callback else None,
        )

    def _answer(self, req: Request, resp: Response, job: Record) -> None:
        if job.final:
            shown = _shown(job, _result(self._jobs, req, job))
            resp.media = {name: shown[name] for name in ("request_id", "outputs", "errors")}
            if not job.has_result:
                resp.media["detail"] = " ".join(each["error"] for each in shown["errors"])
                is_input = (job.error or {}).get("type") == "failure"
                resp.status = HTTP_422 if is_input else HTTP_500
            return
        resp.status = HTTP_202
        resp.location = self._jobs.base(req) + req.path.removesuffix(PARSE) + f"{JOBS}/{job.id}"
        resp.set_header("Retry-After", str(self._jobs.retry_after(job)))
        resp.media = {
            "job_id": job.id,
            "status": "PENDING",
            "status_url": resp.location,
            "created_at": _time(job.created_at),
            "request_id": job.request_id,
        }


class JobById:
    """`/api/v1/jobs/{job_id}`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Get a job."""
        try:
            job = self._jobs.read(req, job_id)
        except JobNotFound:
            job = None
        if job is None or job.operation not in OPERATIONS:
            _refuse(resp, HTTP_404, "There is no such job.")
            return
        if not job.final:
            resp.set_header("Retry-After", str(self._jobs.retry_after(job)))
        resp.media = _shown(job, _result(self._jobs, req, job))


def routes(jobs: Jobs) -> list[Route]:
    """Return the older API's routes."""
    return [
        Route(PARSE, Parse(jobs), {"POST": "client"}),
        Route(f"{JOBS}/{{job_id}}", JobById(jobs), {"GET": "viewer"}),
    ]


def callback_body(job: CallbackJob) -> dict[str, Any] | None:
    """Return what `GET` shows; a callback cannot contain a result above 1 MiB."""
    if job.record.labels.get("api") != LABEL["api"]:
        return None
    if job.record.has_result and job.result is None:
        large = "The result is too large for a callback."
        return _shown(job.record, {"outputs": [], "errors": [{"filename": None, "error": large}]})
    return _shown(job.record, job.result)


def _result(jobs: Jobs, req: Request, job: Record) -> Any:
    return jobs.result(req, job) if job.has_result else None


def _shown(job: Record, result: Any) -> dict[str, Any]:
    result = result or {"outputs": [], "errors": _errors(job)}
    members = ("filename", "markdown", "content_list_json", "images")
    return {
        "job_id": job.id,
        "status": OLD[job.status],
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "completed_at": _time(job.finished_at),
        "outputs": [{name: each[name] for name in members} for each in result["outputs"]],
        "errors": result["errors"],
        "request_id": job.request_id,
        "progress": 100.0 if job.has_result else job.progress.percent or 0.0,
    }


def _errors(job: Record) -> list[dict[str, Any]]:
    if job.status not in ("failed", "cancelled"):
        return []
    detail = (job.error or {}).get("detail") or "The job was cancelled."
    return [{"filename": None, "error": detail}]


def _refuse(resp: Response, status: str, detail: str) -> None:
    resp.status, resp.media = status, {"detail": detail}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
