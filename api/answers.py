"""Read jobs for a caller, and answer with them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import falcon

from api.caller import Caller
from api.media import Media
from api.render import job_object
from api.request import Request
from api.retry_after import Durations, retry_after_s
from jobs.errors import JobGone, JobNotFound
from jobs.identity import is_job_id
from jobs.read import INLINE_BYTES, read
from jobs.record import Record
from jobs.store import Store


class JobReader:
    """Reads the jobs that a caller may see, in one round trip.

    Operators see every tenant's, which takes two more for those that are not their own.

    Args:
        inline_bytes: a result up to this size comes with its job.
    """

    def __init__(self, store: Store, *, inline_bytes: int = INLINE_BYTES) -> None:
        self._store = store
        self._inline_bytes: Final = inline_bytes

    def read(self, job_id: str, caller: Caller, *, inline_bytes: int | None = None) -> Record:
        """Read a job as it is now.

        Raises:
            JobNotFound: there is none with this id, as far as the caller may know.
            JobGone: there was one.
            StoreUnavailable: Redis does not answer.
        """
        if not is_job_id(job_id):
            raise JobNotFound("A job's id is a UUID of version 7, in lower case.")
        inline = self._inline_bytes if inline_bytes is None else inline_bytes
        try:
            return read(self._store, job_id, tenant=caller.tenant, inline_bytes=inline)
        except JobGone:
            raise
        except JobNotFound:
            tenant = self._tenant_of(job_id) if caller.may("operator") else None
            if tenant is None:
                raise
        return read(self._store, job_id, tenant=tenant, inline_bytes=inline)

    def statuses(self, job_ids: Sequence[str]) -> list[str | None]:
        """Look at many jobs in one round trip, whoever they belong to; None for one that is gone.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        commands = [("HGET", self._store.keys("job", job_id), "status") for job_id in job_ids]
        found = self._store.pipeline(*commands)
        return [None if status is None else status.decode() for status in found]

    def _tenant_of(self, job_id: str) -> str | None:
        (tenant,) = self._store.pipeline(("HGET", self._store.keys("job", job_id), "tenant"))
        return None if tenant is None else tenant.decode()


class JobAnswers:
    """Answers with a job, and says when to ask again."""

    def __init__(self, media: Media, durations: Durations) -> None:
        self._media = media
        self._durations = durations

    def send(
        self, req: Request, resp: falcon.Response, record: Record, *, status: int = 200
    ) -> None:
        """Write the job object, and `Retry-After` unless the job is final."""
        now = datetime.now(UTC)
        resp.status = status
        resp.set_headers(self.waiting(record, now))
        shown = job_object(
            record,
            req.context.urls,
            now=now,
            for_operator=req.context.caller.may("operator"),
        )
        self._media.write(req, resp, shown)

    def waiting(self, record: Record, now: datetime | None = None) -> dict[str, str]:
        """Give `Retry-After` for a job that is not final, and nothing for one that is."""
        if record.final:
            return {}
        mean_ms = self._durations.mean_ms(record.operation)
        return {"Retry-After": str(retry_after_s(record, mean_ms, now or datetime.now(UTC)))}
