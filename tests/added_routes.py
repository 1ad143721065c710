"""Routes added by an installation's own module: an older API for the same jobs."""

from typing import Any, BinaryIO

from falcon import Response
from typing_extensions import TypedDict

from callboard.routes import (
    CapacityExceeded,
    DuplicateJob,
    FileRefused,
    JobNotFound,
    Jobs,
    Request,
    ResponseDescription,
    Route,
    describe,
)

PREFIX = "/old"


class StateObject(TypedDict):
    """A job as the older API represents it."""

    id: str
    state: str


class _Resource:
    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs


class Submit(_Resource):
    def on_post(self, req: Request, resp: Response, name: str) -> None:
        """Start a job.

        A duplicate gets the older status code.
        """
        try:
            job = self.jobs.submit(
                req,
                name,
                self.jobs.body(req),
                wait_seconds=_wait(req),
                key=req.get_header("X-Old-Key"),
                labels={"old": "yes"},
                priority=req.get_param_as_int("priority"),
            )
        except DuplicateJob as error:
            resp.status, resp.media = 409, {"error": "DUPLICATE_JOB", "existing": error.job_id}
            return
        except CapacityExceeded:
            resp.status, resp.media = 503, {"error": "CAPACITY_EXCEEDED"}
            return
        resp.status = 202
        estimate = self.jobs.estimate(job)
        resp.media = {
            "id": job.id,
            "state": job.status,
            "url": self.jobs.url(req, job.id),
            "position": estimate.position,
            "duration": estimate.duration_s,
        }


def _wait(req: Request) -> float | None:
    wait = req.get_param("wait", default="0")
    return None if wait == "usual" else float(wait)


class State(_Resource):
    @describe(
        id="getOldState",
        tag="Older API",
        summary="Look",
        description="Looks at a job.",
        responses={
            200: ResponseDescription(
                description="How it is.", schema=StateObject, media=("application/json",)
            )
        },
    )
    def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Read a job."""
        try:
            job = self.jobs.wait(req, job_id, float(req.get_param("wait", default="0")))
        except JobNotFound:
            resp.status, resp.media = 404, {"error": "JOB_NOT_FOUND"}
            return
        shown: dict[str, Any] = {"id": job.id, "state": job.status}
        if job.status == "succeeded":
            shown["result"] = self.jobs.result(req, job)
        elif not job.final:
            resp.set_header("Retry-After", str(self.jobs.retry_after(job)))
        resp.media = shown

    def on_delete(self, req: Request, resp: Response, job_id: str) -> None:
        """Cancel a job."""
        resp.media = {"state": self.jobs.cancel(req, job_id).status}


class TwoSteps(_Resource):
    def on_post(self, req: Request, resp: Response, job_id: str) -> None:
        """Cancel a job in two steps."""
        token = (self.jobs.body(req) or {}).get("confirm")
        if token is None:
            offer = self.jobs.offer_cancel(req, job_id, token=req.get_param("token"))
            resp.media = {"token": offer.token}
        else:
            resp.media = {"state": self.jobs.confirm_cancel(req, job_id, token).status}


class History(_Resource):
    def on_get(self, req: Request, resp: Response) -> None:
        """List jobs."""
        chosen = {"old": "yes"}
        statuses = req.get_param_as_list("status")
        found = self.jobs.find(
            req,
            status=statuses,
            labels=chosen,
            limit=req.get_param_as_int("limit", default=50),
            offset=req.get_param_as_int("offset", default=0),
        )
        resp.media = {
            "jobs": [job.id for job in found],
            "total": self.jobs.count(req, status=statuses, labels=chosen),
        }


class Upload(_Resource):
    def on_post(self, req: Request, resp: Response) -> None:
        """Start a job with a file."""
        with self.jobs.form(req, "measure", others=("note",), lenient=True) as form:
            job = self.jobs.submit(req, "measure", form.params)
        resp.media = {"id": job.id, "note": form.others.get("note")}


class UploadMany(_Resource):
    def on_post(self, req: Request, resp: Response) -> None:
        """Start a job with its valid files."""
        with self.jobs.form(req, "compare", collect_refused=True) as form:
            job = self.jobs.submit(req, "compare", {"files": [], **form.params})
        resp.media = {"id": job.id, "refused": {each.name: each.detail for each in form.refused}}


class UploadChecked(_Resource):
    def on_post(self, req: Request, resp: Response) -> None:
        """Start a job with a file that begins as it should."""
        try:
            with self.jobs.form(req, "measure", check=_must_be_good) as form:
                job = self.jobs.submit(req, "measure", form.params)
        except FileRefused as error:
            resp.status, resp.media = 400, {"file": error.name, "why": error.detail}
            return
        resp.media = {"id": job.id}


def _must_be_good(content: BinaryIO) -> None:
    if content.read(4) != b"good":
        raise ValueError("This is not good.")


class Open:
    def on_get(self, _req: Request, resp: Response) -> None:
        """Answer that the server is up."""
        resp.media = {"ok": True}


class Broken:
    def on_get(self, _req: Request, _resp: Response) -> None:
        """Fail."""
        raise ZeroDivisionError


def routes(jobs: Jobs) -> list[Route]:
    """Add the older API."""
    return [
        Route("/start/{name}", Submit(jobs), {"POST": "client"}),
        Route("/jobs/{job_id}", State(jobs), {"GET": "viewer", "DELETE": "client"}),
        Route("/jobs/{job_id}/cancel", TwoSteps(jobs), {"POST": "client"}),
        Route("/history", History(jobs), {"GET": "viewer"}),
        Route("/upload-many", UploadMany(jobs), {"POST": "client"}),
        Route("/upload-checked", UploadChecked(jobs), {"POST": "client"}),
        Route("/upload", Upload(jobs), {"POST": "client"}),
        Route("/open", Open(), {"GET": None}),
        Route("/broken", Broken(), {"GET": "viewer"}),
    ]
