"""Reads jobs for a caller, and responds with them."""

from datetime import datetime
from typing import Final

import falcon

from callboard.api.jobs.estimates import Estimates
from callboard.api.jobs.render import JobObject, job_object
from callboard.api.media import Media
from callboard.api.request import Caller, Request
from callboard.jobs.errors import JobNotFound
from callboard.jobs.estimates import UNKNOWN, Estimate
from callboard.jobs.ids import is_job_id
from callboard.jobs.read import INLINE_BYTES, read
from callboard.jobs.record import Record
from callboard.jobs.store import Store


class JobReader:
    """Reads the jobs that a caller may see, in one round trip.

    Operators see every tenant's.

    Args:
        inline_bytes: results up to this size are part of the job object.
    """

    def __init__(self, store: Store, *, inline_bytes: int = INLINE_BYTES) -> None:
        self._store = store
        self._inline_bytes: Final = inline_bytes

    def read(self, job_id: str, caller: Caller, *, inline_bytes: int | None = None) -> Record:
        """Read a job.

        Raises:
            JobNotFound: no job that the caller may see has this id.
            JobGone: the job expired or was removed.
            StoreUnavailable: Redis does not answer.
        """
        check_job_id(job_id)
        inline = self._inline_bytes if inline_bytes is None else inline_bytes
        return read(
            self._store,
            job_id,
            tenant=caller.tenant,
            others=caller.may("operator"),
            inline_bytes=inline,
        )


def check_job_id(job_id: str) -> None:
    """Check the form of an id before reading Redis.

    Raises:
        JobNotFound: no job has such an id.
    """
    if not is_job_id(job_id):
        raise JobNotFound("A job's id is a UUID of version 7, in lower case.")


class JobResponder:
    """Responds with a job, and with when to poll again."""

    def __init__(self, media: Media, estimates: Estimates) -> None:
        self._media = media
        self._estimates = estimates

    def send(
        self,
        req: Request,
        resp: falcon.Response,
        record: Record,
        *,
        status: int = 200,
        estimate: Estimate | None = None,
    ) -> None:
        """Write the job object, and `Retry-After` unless the job is final.

        Args:
            req: the request.
            resp: its response.
            record: the job.
            status: the status of the response.
            estimate: its place in the queue, if known; if None, read it for a queued job.
        """
        now = self._estimates.clock.now()
        known = self._estimates.of(record) if estimate is None else estimate
        resp.status = status
        resp.set_headers(self.waiting(record, now, known))
        self._media.write(req, resp, self.shown(req, record, now, known))

    def estimate(self, record: Record) -> Estimate:
        """Return a job's place in its queue, for the job object and `Retry-After`."""
        return self._estimates.of(record)

    def shown(
        self,
        req: Request,
        record: Record,
        now: datetime | None = None,
        estimate: Estimate = UNKNOWN,
    ) -> JobObject:
        """Return the job object as this caller sees it."""
        return job_object(
            record,
            req.context.urls,
            now=now or self._estimates.clock.now(),
            for_operator=req.context.caller.may("operator"),
            estimate=estimate,
            paused=self._estimates.paused(record),
        )

    def waiting(
        self, record: Record, now: datetime | None = None, estimate: Estimate | None = None
    ) -> dict[str, str]:
        """Return `Retry-After` for a job that is not final, and nothing for one that is."""
        if record.final:
            return {}
        return {"Retry-After": str(self._estimates.retry_after_s(record, now, estimate))}
