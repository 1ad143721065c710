"""Batches over HTTP: submit many jobs at once, read their progress, cancel the rest."""

import threading
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Final

import falcon

from callboard.api.batches.items import (
    BatchItemObject,
    BatchItems,
    SubmittedBatchObject,
    parse_batch,
)
from callboard.api.batches.reading import BatchReader, BatchWaits
from callboard.api.batches.render import BatchObject, batch_object
from callboard.api.callback_policy import CallbackPolicy
from callboard.api.description import BODY_PROBLEMS, BodyDescription, ResponseDescription, describe
from callboard.api.idempotency import idempotency_fields
from callboard.api.jobs.estimates import within_bounds
from callboard.api.media import Media
from callboard.api.problems import table
from callboard.api.rate_limit import charge_of, payer_of
from callboard.api.request import Request
from callboard.api.services import Services
from callboard.api.tracing.middleware import traceparent_of
from callboard.jobs.batches.batch import Batch, cancel_batch
from callboard.jobs.batches.submission_service import BatchSubmissionService, SubmittedBatch
from callboard.jobs.batches.submit import NewBatch
from callboard.jobs.errors import BatchGone, BatchNotFound, Refused
from callboard.jobs.fingerprint import fingerprint
from callboard.jobs.ids import new_job_id
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.offload import Offload
from callboard.jobs.pauses import with_pauses
from callboard.jobs.store import Store

COMPLETED: Final = "completed"
_FIRST_LOOK_S: Final = 2.0


class BatchesResource:
    """All batches: `/v1/batches`."""

    def __init__(
        self,
        services: Services,
        reader: BatchReader,
        media: Media,
        items: BatchItems,
        waits: BatchWaits,
    ) -> None:
        self._submissions = BatchSubmissionService(services.submissions, services.check)
        self._rate = services.settings.rate_limit
        self._policy = CallbackPolicy(services.settings)
        self._reader = reader
        self._media = media
        self._items = items
        self._waits = waits
        self._compute = services.compute
        self._large_bytes = services.settings.max_body_bytes
        self._turn = threading.Lock()

    @describe(
        id="submitBatch",
        tag="Batches",
        summary="Submit a batch",
        description="Creates a job from each valid item and returns the outcome of every "
        "item. A rejected item does not affect the others.",
        parameters=("Prefer", "Idempotency-Key", "traceparent"),
        body=BodyDescription(schema="BatchSubmission"),
        callbacks=("batchEvent",),
        responses={
            200: ResponseDescription(
                description="Every item is decided, and all jobs ended during the wait.",
                schema=SubmittedBatchObject,
                headers=("Location", "Vary"),
                optional_headers=("Preference-Applied", "Idempotency-Replayed"),
                links=("lookAtBatch", "cancelBatch"),
            ),
            202: ResponseDescription(
                description="Every item is decided.",
                schema=SubmittedBatchObject,
                headers=("Location", "Vary"),
                optional_headers=("Retry-After", "Preference-Applied", "Idempotency-Replayed"),
                links=("lookAtBatch", "cancelBatch"),
            ),
        },
        problems=(
            *BODY_PROBLEMS,
            table.INVALID_HEADER,
            table.INVALID_REQUEST,
            table.IDEMPOTENCY_MISMATCH,
            table.BATCH_GONE,
        ),
    )
    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Submit a batch, and return the outcome of each item."""
        received = self._media.receive(req)
        # Large ones one at a time: several at once would take all memory and processor time.
        with self._turn if received.size > self._large_bytes else nullcontext():
            self._take(req, resp, received.parse())

    def _take(self, req: Request, resp: falcon.Response, body: Any) -> None:
        asked = parse_batch(body)
        callback = None
        if asked.callback is not None:
            callback = self._policy.accept(asked.callback, req.context.urls.base, place=pointer_of)
        batch = NewBatch(
            id=new_job_id(),
            tenant=req.context.caller.tenant,
            total=len(asked.items),
            idempotency=_repeat(req.get_header("Idempotency-Key"), body, self._compute),
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
            submitted = self._submissions.submit(
                batch, items, charge=charge_of(req, self._rate), payer=payer_of(req)
            )
        except Refused as error:
            req.context.quota = error.quota
            raise
        req.context.quota = submitted.quota
        return submitted

    def _answer(
        self, req: Request, resp: falcon.Response, batch_id: str, items: list[BatchItemObject]
    ) -> None:
        try:
            batch = self._reader.read(batch_id, req.context.caller)
        except BatchNotFound as error:
            raise BatchGone(str(error)) from error
        batch = self._waits.until(req, resp, batch, lambda status: status == COMPLETED)
        resp.status = 200 if batch.ended_at is not None else 202
        resp.location = req.context.urls.batch(batch_id)
        resp.set_headers(waiting(batch, self._waits.now()))
        shown: SubmittedBatchObject = {**batch_object(batch, req.context.urls), "items": items}
        self._media.write(req, resp, shown)


class BatchResource:
    """One batch: `/v1/batches/{batch_id}`."""

    def __init__(self, store: Store, reader: BatchReader, media: Media, waits: BatchWaits) -> None:
        self._store = store
        self._reader = reader
        self._media = media
        self._waits = waits

    @describe(
        id="getBatch",
        tag="Batches",
        summary="Get a batch",
        description="Returns the batch with its jobs counted by status, at once or, with "
        "`Prefer: wait`, as soon as its status changes. `links.jobs` lists the "
        "jobs.",
        parameters=("Prefer",),
        responses={
            200: ResponseDescription(
                description="The batch's current state.",
                schema=BatchObject,
                headers=("Vary",),
                optional_headers=("Retry-After", "Preference-Applied"),
                links=("cancelBatch",),
            )
        },
        problems=(table.BATCH_NOT_FOUND,),
    )
    def on_get(self, req: Request, resp: falcon.Response, batch_id: str) -> None:
        """Return a batch, at once or as soon as its status changes."""
        batch = self._reader.read(batch_id, req.context.caller)
        known = batch.status
        batch = self._waits.until(req, resp, batch, lambda status: status != known)
        self._send(req, resp, batch)

    on_head = on_get

    @describe(
        id="cancelBatch",
        tag="Batches",
        summary="Cancel a batch",
        description="Cancels the jobs that have not ended. Safe to repeat.",
        responses={
            200: ResponseDescription(
                description="All jobs of the batch have ended.",
                schema=BatchObject,
                headers=("Vary",),
                links=("lookAtBatch",),
            ),
            202: ResponseDescription(
                description="Some running jobs are still being cancelled.",
                schema=BatchObject,
                headers=("Retry-After", "Vary"),
                links=("lookAtBatch",),
            ),
        },
        problems=(table.BATCH_NOT_FOUND,),
    )
    def on_delete(self, req: Request, resp: falcon.Response, batch_id: str) -> None:
        """Cancel the rest of a batch; a repeat has no effect.

        Items that are still being submitted are refused from now on.
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


def _repeat(key: str | None, body: dict[str, Any], compute: Offload) -> dict[str, str]:
    """Return how a repeat is recognised; keys of single jobs and of batches are separate."""
    if key is None:
        return {}
    items = compute(lambda: [fingerprint(item) for item in body["items"]])
    return idempotency_fields(key, {"batch": {**body, "items": items}})


def waiting(batch: Batch, now: datetime) -> Mapping[str, str]:
    """Return `Retry-After` for a batch that is not complete.

    It is estimated from the batch's progress so far, and at most half of its age: the duration of
    its first jobs says little about the rest, and a poll must not come much too late.
    """
    if batch.ended_at is not None:
        return {}
    age_s = (now - batch.created_at).total_seconds()
    left = 100 - batch.percent
    estimate_s = age_s * left / batch.percent if batch.percent else _FIRST_LOOK_S
    return {"Retry-After": str(within_bounds(min(estimate_s, age_s / 2)))}
