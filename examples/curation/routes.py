"""The routes of the older job API, for clients that only change their base URL."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from falcon import Response

from callboard.routes import (
    CapacityExceeded,
    DuplicateJob,
    JobNotFound,
    Jobs,
    Record,
    Request,
    Route,
)

PREFIX: Final = "/curation"
OLD_NAMES: Final = {"gene_clustering": "clustering"}
USUAL_SECONDS: Final = {"gene_clustering": 10, "phenotype_clustering": 30, "ontology_update": 60}
STATES: Final = {
    "scheduled": "pending",
    "queued": "pending",
    "running": "running",
    "cancelling": "running",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "failed",
}
MARK: Final = {"system": "curation"}


class Submit:
    """The route that submits jobs of one operation."""

    def __init__(self, jobs: Jobs, operation: str) -> None:
        self._jobs = jobs
        self._operation = operation

    def on_post(self, req: Request, resp: Response) -> None:
        """Submit a job; an equal active one, or too many, are answered as ever."""
        if self._operation != "ontology_update":
            self.submit(req, resp, self._jobs.body(req) or {})
            return
        with self._jobs.form(req, self._operation, lenient=True) as form:
            self.submit(req, resp, form.params)

    def submit(self, req: Request, resp: Response, params: Mapping[str, Any]) -> None:
        """Answer as the older API did."""
        try:
            job = self._jobs.submit(req, self._operation, params, labels=MARK)
        except DuplicateJob as error:
            self._refuse_duplicate(req, resp, error.job_id)
            return
        except CapacityExceeded as error:
            resp.status = 503
            resp.set_header("Retry-After", "60")
            resp.media = {
                "error": "CAPACITY_EXCEEDED",
                "message": f"{error} Try again in a minute.",
                "retry_after": 60,
            }
            return
        resp.status = 202
        resp.set_header("Location", _status_url(self._jobs, req, job.id))
        resp.set_header("Retry-After", "5")
        resp.media = {
            "job_id": job.id,
            "status": "accepted",
            "estimated_seconds": _estimated(self._jobs, job),
            "status_url": _status_url(self._jobs, req, job.id),
        }

    def _refuse_duplicate(self, req: Request, resp: Response, job_id: str) -> None:
        resp.status = 409
        resp.set_header("Location", _status_url(self._jobs, req, job_id))
        resp.media = {
            "error": "DUPLICATE_JOB",
            "message": "A job with the same parameters is active.",
            "existing_job_id": job_id,
            "status_url": _status_url(self._jobs, req, job_id),
        }


class Status:
    """The status of one job."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Get a job."""
        try:
            job = self._jobs.read(req, job_id)
        except JobNotFound:
            resp.status = 404
            resp.media = {"error": "JOB_NOT_FOUND", "message": "There is no such job."}
            return
        wait = None if job.final else self._jobs.retry_after(job)
        if wait is not None:
            resp.set_header("Retry-After", str(wait))
        resp.media = {
            **_summary(job),
            "step": job.progress.step,
            "estimated_seconds": _estimated(self._jobs, job),
            "retry_after": wait,
            "result": self._jobs.result(req, job) if job.status == "succeeded" else None,
            "error": job.error["detail"] if job.error and job.final else None,
        }


class History:
    """The jobs submitted through this API."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_get(self, req: Request, resp: Response) -> None:
        """List jobs, newest first."""
        limit = req.get_param_as_int("limit", min_value=1, max_value=100, default=50)
        resp.media = [_summary(job) for job in self._jobs.find(req, labels=MARK, limit=limit)]


class Apply:
    """The route that confirms the report on an ontology update."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_post(self, req: Request, resp: Response, job_id: str) -> None:
        """Make the release on which a job has reported the current one; this works once."""
        try:
            self._jobs.read(req, job_id)
        except JobNotFound:
            resp.status = 404
            resp.media = {"error": "JOB_NOT_FOUND", "message": "There is no such job."}
            return
        token = (self._jobs.body(req) or {}).get("confirm")
        job = self._jobs.submit(req, "ontology_apply", {"token": token}, wait_seconds=25)
        if job.status == "succeeded":
            resp.media = {"status": "applied", **self._jobs.result(req, job)}
        elif job.final:
            resp.status = 409
            detail = job.error["detail"] if job.error else "The update was not applied."
            resp.media = {"error": "NOT_APPLIED", "message": detail}
        else:
            resp.status = 202
            resp.media = {"status": "applying", "status_url": _status_url(self._jobs, req, job.id)}


def routes(jobs: Jobs) -> list[Route]:
    """Return the routes of the older API."""
    submitting: dict[str, tuple[str, Literal["client", "operator"]]] = {
        "clustering": ("gene_clustering", "client"),
        "phenotype_clustering": ("phenotype_clustering", "client"),
        "ontology_update": ("ontology_update", "operator"),
    }
    return [
        *(
            Route(f"/api/jobs/{old}/submit", Submit(jobs, operation), {"POST": role})
            for old, (operation, role) in submitting.items()
        ),
        Route("/api/jobs/history", History(jobs), {"GET": "viewer"}),
        Route("/api/jobs/{job_id}/status", Status(jobs), {"GET": "viewer"}),
        Route("/api/jobs/{job_id}/apply", Apply(jobs), {"POST": "operator"}),
    ]


def _summary(job: Record) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "operation": OLD_NAMES.get(job.operation, job.operation),
        "status": STATES[job.status],
        "submitted_at": _time(job.created_at),
        "completed_at": _time(job.finished_at),
    }


def _estimated(jobs: Jobs, job: Record) -> int:
    typical = jobs.estimate(job).duration_s
    return USUAL_SECONDS.get(job.operation, 60) if typical is None else max(1, round(typical))


def _status_url(jobs: Jobs, req: Request, job_id: str) -> str:
    prefix = (req.uri_template or "").partition("/api/")[0]
    return f"{jobs.base(req)}{prefix}/api/jobs/{job_id}/status"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
