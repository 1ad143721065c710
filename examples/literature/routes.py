"""The older API on the same jobs: its paths, tools, fields and codes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from falcon import HTTP_200, HTTP_202, HTTP_400, HTTP_404, Response
from pydantic import BaseModel, Field, ValidationError

from callboard.routes import (
    DuplicateJob,
    InvalidParameters,
    JobNotFound,
    Jobs,
    Record,
    Request,
    Route,
    Status,
)

PREFIX = "/literature"

OURS: Final = {"api": "literature"}
"""The label of jobs submitted through these routes; only these are listed."""

CANCEL_SECONDS: Final = 5.0
MAX_LIMIT: Final = 100

TOOLS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "ping": ("ping", {}),
    "rag.index": ("corpus_index", {}),
    "rag.get": ("corpus_search", {"limit": 1}),
    "pubmed.search": ("corpus_search", {}),
    "pubmed.sync": ("corpus_sync", {}),
    "corpus.checkpoint.get": ("corpus_checkpoint", {"action": "get"}),
    "corpus.checkpoint.list": ("corpus_checkpoint", {"action": "get"}),
    "corpus.checkpoint.set": ("corpus_checkpoint", {"action": "set"}),
    "corpus.checkpoint.delete": ("corpus_checkpoint", {"action": "delete"}),
    **{
        name: (name, {})
        for name in ("corpus_index", "corpus_sync", "corpus_search", "corpus_checkpoint")
    },
}
"""The operation of each old and new tool name, and the parameters that the name sets."""

OldStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
OLD: Final[Mapping[Status, OldStatus]] = {
    "scheduled": "pending",
    "queued": "pending",
    "running": "running",
    "cancelling": "running",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


class Order(BaseModel):
    """The body of a submission; other members are ignored."""

    tool: Literal[*TOOLS]  # type: ignore[valid-type]
    params: dict[str, Any] = {}
    ttl_hours: Annotated[int, Field(ge=1, le=168)] = 24
    priority: Annotated[int, Field(ge=0, le=10)] = 0


class Query(BaseModel):
    """The query of a listing."""

    status: OldStatus | None = None
    limit: Annotated[int, Field(ge=1)] = 50
    offset: Annotated[int, Field(ge=0)] = 0


class JobList:
    """`/v1/jobs`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_post(self, req: Request, resp: Response) -> None:
        """Run a tool.

        Fast tools answer 200 with the result, others 202.
        """
        try:
            order = Order.model_validate(self._jobs.body(req))
            job = self._submit(req, order)
        except (ValidationError, InvalidParameters) as error:
            _refuse(resp, error)
            return
        resp.status = HTTP_200 if job.final else HTTP_202
        resp.location = f"{self._jobs.base(req)}{req.path}/{job.id}"
        estimate = self._jobs.estimate(job)
        resp.media = {
            **_shown(job, self._jobs.result(req, job) if job.has_result else None),
            "estimated_duration": estimate.duration_s,
            "position_in_queue": estimate.position,
        }

    def on_get(self, req: Request, resp: Response) -> None:
        """List jobs, newest first."""
        try:
            query = Query.model_validate(req.params)
        except ValidationError as error:
            _refuse(resp, error)
            return
        statuses = [new for new, old in OLD.items() if old == query.status] or None
        limit = min(query.limit, MAX_LIMIT)
        found = self._jobs.find(req, status=statuses, labels=OURS, limit=limit, offset=query.offset)
        resp.media = {
            "jobs": [_shown(job) for job in found],
            "total": self._jobs.count(req, status=statuses, labels=OURS),
            "limit": limit,
            "offset": query.offset,
        }

    def _submit(self, req: Request, order: Order) -> Record:
        operation, fixed = TOOLS[order.tool]
        try:
            return self._jobs.submit(
                req,
                operation,
                {**_renamed(order.params), **fixed},
                wait_seconds=None,  # as long as the operation says: fast jobs end within it
                priority=order.priority,
                result_ttl_seconds=order.ttl_hours * 3600,
                labels={**OURS, "tool": order.tool},
            )
        except DuplicateJob as error:
            # Older clients cannot handle a duplicate: each gets the active job.
            return self._jobs.read(req, error.job_id)


class OneJob:
    """`/v1/jobs/{job_id}`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Get a job."""
        try:
            job = self._jobs.read(req, job_id)
        except JobNotFound:
            _not_found(resp)
            return
        if not job.final:
            resp.set_header("Retry-After", str(self._jobs.retry_after(job)))
        resp.media = _shown(job, self._jobs.result(req, job) if job.has_result else None)

    def on_delete(self, req: Request, resp: Response, job_id: str) -> None:
        """Cancel a job that has not ended."""
        try:
            self._jobs.cancel(req, job_id)
            job = self._jobs.wait(req, job_id, CANCEL_SECONDS)
        except JobNotFound:
            _not_found(resp)
            return
        resp.media = _shown(job)


def routes(jobs: Jobs) -> list[Route]:
    """Return the routes of the older API."""
    return [
        Route("/v1/jobs", JobList(jobs), {"POST": "client", "GET": "viewer"}),
        Route("/v1/jobs/{job_id}", OneJob(jobs), {"GET": "viewer", "DELETE": "client"}),
    ]


def _renamed(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters by their current names."""
    renamed = {_NAMES.get(name, name): value for name, value in params.items()}
    if "pmid" in renamed:
        renamed["query"] = f"pmid:{renamed.pop('pmid')}"
    return renamed


_NAMES: Final = {"term": "query", "doc_id": "query", "base_url": "server"}


def _shown(job: Record, result: object = None) -> dict[str, Any]:
    duration_ms = None
    if job.started_at is not None and job.finished_at is not None:
        duration_ms = round((job.finished_at - job.started_at).total_seconds() * 1000)
    progress = 1.0 if job.has_result else (job.progress.percent or 0.0) / 100
    return {
        "job_id": job.id,
        "tool": job.labels.get("tool", job.operation),
        "status": OLD[job.status],
        "progress": round(progress, 4),
        "result": result,
        "error": None if job.error is None else str(job.error["detail"]),
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "completed_at": _time(job.finished_at),
        "duration_ms": duration_ms,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def _refuse(resp: Response, error: ValidationError | InvalidParameters) -> None:
    if isinstance(error, InvalidParameters):
        wrong: Sequence[tuple[str, str]] = [(f"/params{at}", why) for at, why in error.errors]
    else:
        wrong = [("/" + "/".join(map(str, each["loc"])), each["msg"]) for each in error.errors()]
    detail = "; ".join(f"{at}: {why}" for at, why in wrong)
    resp.status, resp.media = HTTP_400, {"error": "INVALID_REQUEST", "detail": detail}


def _not_found(resp: Response) -> None:
    resp.status, resp.media = HTTP_404, {"error": "JOB_NOT_FOUND"}
