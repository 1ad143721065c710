"""The body of a callback: the event, its time, and the job or batch as clients see it."""

from typing import Annotated, Final, cast

from pydantic import Field
from pydantic_core import to_json

from callboard.api.answer_types import Timestamp, TypedDict
from callboard.api.batches.render import BatchObject, batch_object
from callboard.api.callback_policy import BatchEvent, JobEvent
from callboard.api.jobs.render import JobObject, job_object
from callboard.api.times import timestamp
from callboard.api.urls import Urls
from callboard.config import Settings
from callboard.jobs.batches.batch import read_batch
from callboard.jobs.callbacks.deliver import WebhookDelivery
from callboard.jobs.clock import moment
from callboard.jobs.errors import BatchNotFound, JobNotFound
from callboard.jobs.read import read
from callboard.jobs.store import Store

MAX_RESULT_BYTES: Final = 16 * 1024
"""The largest result that a callback contains; a larger one must be fetched."""


class JobEventObject(TypedDict):
    """An event of a job."""

    type: JobEvent
    timestamp: Annotated[Timestamp, Field(description="When the event happened.")]
    data: JobObject


class BatchEventObject(TypedDict):
    """An event of a batch."""

    type: BatchEvent
    timestamp: Annotated[Timestamp, Field(description="When the event happened.")]
    data: BatchObject


class CallbackBodies:
    """Renders the bodies of deliveries.

    Args:
        store: the store of jobs and batches.
        settings: limit the size of a result within its job.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._inline_bytes = min(MAX_RESULT_BYTES, settings.inline_result_bytes)

    def __call__(self, delivery: WebhookDelivery) -> bytes | None:
        """Render one as JSON; None if its job or batch is gone.

        The job or batch is shown as it is now, which may be later than the event.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        try:
            event: JobEventObject | BatchEventObject = (
                self._job(delivery) if delivery.kind == "job" else self._batch(delivery)
            )
        except (JobNotFound, BatchNotFound):
            return None
        return to_json(event, inf_nan_mode="null")

    def _job(self, delivery: WebhookDelivery) -> JobEventObject:
        record = read(
            self._store, delivery.owner, tenant=delivery.tenant, inline_bytes=self._inline_bytes
        )
        job = job_object(record, Urls(delivery.base), now=moment(self._store.now_ms()))
        event = cast("JobEvent", delivery.type)
        return {"type": event, "timestamp": timestamp(delivery.at), "data": job}

    def _batch(self, delivery: WebhookDelivery) -> BatchEventObject:
        batch = read_batch(self._store, delivery.owner, tenant=delivery.tenant)
        event = cast("BatchEvent", delivery.type)
        data = batch_object(batch, Urls(delivery.base))
        return {"type": event, "timestamp": timestamp(delivery.at), "data": data}
