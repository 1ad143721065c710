"""Reads batches for a caller, and waits for them."""

from collections.abc import Callable

import falcon

from callboard.api.prefer import parse_prefer
from callboard.api.request import Caller, Request
from callboard.api.services import Services
from callboard.jobs.batches.batch import Batch, read_batch
from callboard.jobs.clock import Clock
from callboard.jobs.errors import BatchNotFound
from callboard.jobs.ids import is_job_id
from callboard.jobs.store import Store


class BatchReader:
    """Reads the batches that a caller may see; operators see every tenant's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, batch_id: str, caller: Caller) -> Batch:
        """Read a batch as it is now.

        Raises:
            BatchNotFound: no batch that the caller may see has this id.
            StoreUnavailable: Redis does not answer.
        """
        if not is_job_id(batch_id):
            raise BatchNotFound("A batch's id is a UUID of version 7, in lower case.")
        others = caller.may("operator")
        return read_batch(self._store, batch_id, tenant=caller.tenant, others=others)


class BatchWaits:
    """Waits for batches as long as their clients ask, by the clock of Redis."""

    def __init__(self, services: Services, reader: BatchReader) -> None:
        self._events = services.events
        self._max_wait = services.settings.max_wait
        self._reader = reader
        self.now = Clock(services.store.now_ms).now

    def until(
        self,
        req: Request,
        resp: falcon.Response,
        batch: Batch,
        ended: Callable[[str], bool],
    ) -> Batch:
        """Wait for a status as `Prefer: wait` asks, and set `Preference-Applied`."""
        preference = parse_prefer(req.get_header("Prefer"), max_wait=self._max_wait)
        if preference.wait_s and not ended(batch.status) and batch.ended_at is None:
            batch = self._events.wait(
                req,
                batch.id,
                self._reader.read,
                until=ended,
                timeout=preference.wait_s,
                known=batch,
            )
        applied = preference.applied(in_time=batch.ended_at is not None)
        if applied:
            resp.set_header("Preference-Applied", applied)
        return batch
