"""Batches over HTTP: submit many jobs at once, see how far they are, cancel what is left."""

import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Final

import falcon

from callboard.api.batches.items import BatchItems, parse_batch
from callboard.api.batches.render import batch_object
from callboard.api.callbacks.policy import CallbackPolicy
from callboard.api.caller import Caller
from callboard.api.idempotency import idempotency_fields
from callboard.api.jobs.retry_after import within_bounds
from callboard.api.media import Media
from callboard.api.prefer import parse_prefer
from callboard.api.rate_limit import charge_of
from callboard.api.request import Request, holders_of
from callboard.api.services import Services
from callboard.api.tracing.middleware import traceparent_of
from callboard.api.waiting.peer import peer_of
from callboard.jobs.batches.batch import Batch, cancel_batch, read_batch
from callboard.jobs.batches.submission_service import BatchSubmissionService, SubmittedBatch
from callboard.jobs.batches.submit import NewBatch
from callboard.jobs.clock import Clock
from callboard.jobs.errors import BatchGone, BatchNotFound, Refused
from callboard.jobs.fingerprint import fingerprint
from callboard.jobs.ids import is_job_id, new_job_id
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.pauses import with_pauses
from callboard.jobs.store import Store

COMPLETED: Final = "completed"
_FIRST_LOOK_S: Final = 2.0


class BatchReader:
    """Reads the batches that a caller may see; operators see every tenant's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, batch_id: str, caller: Caller) -> Batch:
        """Read a batch as it is now.

        Raises:
            BatchNotFound: there is none with this id, as far as the caller may know.
            StoreUnavailable: Redis does not answer.
        """
        if not is_job_id(batch_id):
            raise BatchNotFound("A batch's id is a UUID of version 7, in lower case.")
        others = caller.may("operator")
        return read_batch(self._store, batch_id, tenant=caller.tenant, others=others)


class BatchWaits:
    """Waits for batches as long as their clients would, by the clock of Redis."""

    def __init__(self, services: Services, reader: BatchReader) -> None:
        self._events = services.events
        self._max_wait = services.settings.max_wait
        self._reader = reader
        self.now = Clock(services.store).now

    def until(
        self,
        req: Request,
        resp: falcon.Response,
        batch: Batch,
        ended: Callable[[str], bool],
    ) -> Batch:
        """Wait for a status as `Prefer: wait` says, and say in the answer that it was followed."""
        preference = parse_prefer(req.get_header("Prefer"), max_wait=self._max_wait)
        if preference.wait_s and not ended(batch.status) and batch.ended_at is None:
            batch = self._events.wait(
                batch.id,
                lambda: self._reader.read(batch.id, req.context.caller),
                until=ended,
                timeout=preference.wait_s,
                known=batch,
                peer=peer_of(req.env),
                holders=holders_of(req),
            )
        applied = preference.applied(in_time=batch.ended_at is not None)
        if applied:
            resp.set_header("Preference-Applied", applied)
        return batch


class BatchesResource:
    """All batches: `/v1/batches`."""

    def __init__(
        self,
        services: Services,
        reader: BatchReader,
        media: Media,
        items: BatchItems,
        waits: "BatchWaits",
    ) -> None:
        self._submissions = BatchSubmissionService(services.submissions, services.check)
        self._rate = services.settings.rate_limit
        self._terms = CallbackPolicy(services.settings)
        self._reader = reader
        self._media = media
        self._items = items
        self._waits = waits
        self._large_bytes = services.settings.max_body_bytes
        self._turn = threading.Lock()

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Submit a batch, and say what became of each item."""
        received = self._media.receive(req)
        # Large ones one after the other: many at once would take all memory and all turns.
        with self._turn if received.size > self._large_bytes else nullcontext():
            self._take(req, resp, received.parse())

    def _take(self, req: Request, resp: falcon.Response, body: Any) -> None:
        asked = parse_batch(body)
        callback = None
        if asked.callback is not None:
            callback = self._terms.accept(asked.callback, req.context.urls.base, place=pointer_of)
        batch = NewBatch(
            id=new_job_id(),
            tenant=req.context.caller.tenant,
            total=len(asked.items),
            idempotency=_repeat(req.get_header("Idempotency-Key"), body),
            callback=callback,
            request_id=req.context.request_id,
            traceparent=traceparent_of(req),
        )
        items = list(with_pauses(self._items.read(req, asked)))
        submitted = self._submit(req, batch, items)
        if submitted.replayed:
            resp.set_header("Idempotency-Replayed", "true")
        shown = list(with_pauses(self._items.shown(req, submitted.outcomes, items)))
        self._answer(req, resp, submitted.id, shown)

    def _submit(self, req: Request, batch: NewBatch, items: list[Any]) -> SubmittedBatch:
        try:
            submitted = self._submissions.submit(batch, items, charge=charge_of(req, self._rate))
        except Refused as error:
            req.context.quota = error.quota
            raise
        req.context.quota = submitted.quota
        return submitted

    def _answer(
        self, req: Request, resp: falcon.Response, batch_id: str, items: list[dict[str, Any]]
    ) -> None:
        try:
            batch = self._reader.read(batch_id, req.context.caller)
        except BatchNotFound as error:
            raise BatchGone(str(error)) from error
        batch = self._waits.until(req, resp, batch, lambda status: status == COMPLETED)
        resp.status = 200 if batch.ended_at is not None else 202
        resp.location = req.context.urls.batch(batch_id)
        resp.set_headers(waiting(batch, self._waits.now()))
        self._media.write(req, resp, {**batch_object(batch, req.context.urls), "items": items})


class BatchResource:
    """One batch: `/v1/batches/{batch_id}`."""

    def __init__(
        self, store: Store, reader: BatchReader, media: Media, waits: "BatchWaits"
    ) -> None:
        self._store = store
        self._reader = reader
        self._media = media
        self._waits = waits

    def on_get(self, req: Request, resp: falcon.Response, batch_id: str) -> None:
        """Say how far a batch is, at once or as soon as its status changes."""
        batch = self._reader.read(batch_id, req.context.caller)
        known = batch.status
        batch = self._waits.until(req, resp, batch, lambda status: status != known)
        self._send(req, resp, batch)

    on_head = on_get

    def on_delete(self, req: Request, resp: falcon.Response, batch_id: str) -> None:
        """Cancel what is left of a batch; a repeat does no harm.

        What is still being submitted of it is refused from now on.
        """
        batch = self._reader.read(batch_id, req.context.caller)
        if batch.ended_at is None:
            cancel_batch(self._store, batch_id)
            batch = self._reader.read(batch_id, req.context.caller)
        resp.status = 200 if batch.ended_at is not None else 202
        self._send(req, resp, batch)

    def _send(self, req: Request, resp: falcon.Response, batch: Batch) -> None:
        resp.set_headers(waiting(batch, self._waits.now()))
        self._media.write(req, resp, batch_object(batch, req.context.urls))


def _repeat(key: str | None, body: dict[str, Any]) -> dict[str, str]:
    """Give by what a repeat is recognised; a key of a single job is never that of a batch."""
    if key is None:
        return {}
    items = [fingerprint(item) for item in with_pauses(body["items"])]
    return idempotency_fields(key, {"batch": {**body, "items": items}})


def waiting(batch: Batch, now: datetime) -> Mapping[str, str]:
    """Give `Retry-After` for a batch that has not ended.

    It follows how fast the batch went so far, and is never longer than half of its age: what its
    first jobs took says little of the others, and nobody may look much too late.
    """
    if batch.ended_at is not None:
        return {}
    age_s = (now - batch.created_at).total_seconds()
    left = 100 - batch.percent
    estimate_s = age_s * left / batch.percent if batch.percent else _FIRST_LOOK_S
    return {"Retry-After": str(within_bounds(min(estimate_s, age_s / 2)))}
