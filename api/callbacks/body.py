"""The body of a callback: the event, its time, and the job or batch as clients see it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Self, cast

from pydantic import Field
from pydantic_core import to_json

from callboard.api.answer_types import Timestamp, TypedDict
from callboard.api.batches.render import BatchObject, batch_object
from callboard.api.callback_policy import BatchEvent, JobEvent
from callboard.api.extension.callbacks import BodyRenderer, CallbackJob, load_body_renderers
from callboard.api.files.result_files import with_addresses
from callboard.api.jobs.render import JobObject, job_object
from callboard.api.times import timestamp
from callboard.api.urls import Urls
from callboard.config import Settings
from callboard.jobs.batches.batch import read_batch
from callboard.jobs.callbacks.deliver import WebhookDelivery
from callboard.jobs.clock import moment
from callboard.jobs.errors import BatchNotFound, JobNotFound
from callboard.jobs.files.storage import Storage
from callboard.jobs.read import read
from callboard.jobs.record import Record
from callboard.jobs.results import read_result
from callboard.jobs.store import Store

MAX_RESULT_BYTES: Final = 16 * 1024
"""The largest result that a callback contains; a larger one must be fetched."""


MAX_OWN_RESULT_BYTES: Final = 1024 * 1024
"""The largest result that the body of an added module receives; bodies are stored in Redis."""


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
        storage: holds large results, which only bodies of added modules contain.
        renderers: are asked first; the first that returns a body decides.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        storage: Storage | None = None,
        renderers: Sequence[BodyRenderer] = (),
    ) -> None:
        self._store = store
        self._storage = storage
        self._renderers = renderers
        self._inline_bytes = min(MAX_RESULT_BYTES, settings.inline_result_bytes)

    @classmethod
    def of(cls, store: Store, settings: Settings, storage: Storage) -> Self:
        """Create it with the modules that `CALLBOARD_ROUTES` names.

        Raises:
            OperationError: a module cannot be imported.
        """
        renderers = load_body_renderers(settings.routes)
        return cls(store, settings, storage=storage, renderers=renderers)

    def __call__(self, delivery: WebhookDelivery) -> bytes | None:
        """Render one as JSON; None if its job or batch is gone.

        The job or batch is shown as it is now, which may be later than the event.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        try:
            event: JobEventObject | BatchEventObject | Mapping[str, Any] = (
                self._job(delivery) if delivery.kind == "job" else self._batch(delivery)
            )
        except (JobNotFound, BatchNotFound):
            return None
        return to_json(event, inf_nan_mode="null")

    def _job(self, delivery: WebhookDelivery) -> JobEventObject | Mapping[str, Any]:
        record = read(
            self._store, delivery.owner, tenant=delivery.tenant, inline_bytes=self._inline_bytes
        )
        if (own := self._rendered(delivery, record)) is not None:
            return own
        job = job_object(record, Urls(delivery.base), now=moment(self._store.now_ms()))
        event = cast("JobEvent", delivery.type)
        return {"type": event, "timestamp": timestamp(delivery.at), "data": job}

    def _rendered(self, delivery: WebhookDelivery, record: Record) -> Mapping[str, Any] | None:
        if not self._renderers:
            return None
        result = record.result
        if result is None and 0 < (record.result_bytes or 0) <= MAX_OWN_RESULT_BYTES:
            result = read_result(self._store, record.id, self._storage)
        result = with_addresses(result, record.result_files, Urls(delivery.base))
        job = CallbackJob(delivery.type, record, result, delivery.base)
        bodies = (render(job) for render in self._renderers)
        return next((body for body in bodies if body is not None), None)

    def _batch(self, delivery: WebhookDelivery) -> BatchEventObject:
        batch = read_batch(self._store, delivery.owner, tenant=delivery.tenant)
        event = cast("BatchEvent", delivery.type)
        data = batch_object(batch, Urls(delivery.base))
        return {"type": event, "timestamp": timestamp(delivery.at), "data": data}
