"""The calls about batches: many jobs, submitted, followed and cancelled together."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from callboard.client.answer_types import BatchObject, SubmittedBatchObject
from callboard.client.connection import segment, with_callback
from callboard.client.job_calls import JobCalls
from callboard.client.responses import retry_after
from callboard.client.wait_for_job import MAX_RETRY_AFTER_SECONDS

COMPLETED: Final = "completed"
MIN_LOOK_SECONDS: Final = 0.2


class BatchCalls(JobCalls):
    """The calls about batches."""

    def batch(
        self,
        items: Iterable[Mapping[str, Any]],
        *,
        labels: Mapping[str, str] | None = None,
        callback: str | Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> SubmittedBatchObject:
        """Submit up to 1,000 jobs in one request, and return the batch with its `items`.

        Each item of the response has the `status` `accepted`, `duplicate`, `invalid` or `limited`,
        and `job` or `problem`: a rejected item does not affect the others.

        Args:
            items: submissions, each with `operation`, `params` and optional members.
            labels: labels of every job, in addition to its own.
            callback: a URL to call when the batch has completed, or `{"url": …}`.
            idempotency_key: equal keys create one batch; by default a new key.
        """
        body: dict[str, Any] = {"items": [dict(each) for each in items]}
        if labels:
            body["labels"] = dict(labels)
        made = self._create("/v1/batches", idempotency_key, with_callback(body, callback))
        return cast("SubmittedBatchObject", made)

    def batch_status(self, batch_id: str) -> BatchObject:
        """Read a batch: its `status`, `counts` of jobs by status, and `progress`."""
        return cast("BatchObject", self._read("GET", _path(batch_id), "id", "counts"))

    def wait_batch(
        self,
        batch_id: str,
        *,
        timeout: float | None = None,
        on_change: Callable[[BatchObject], None] | None = None,
    ) -> BatchObject:
        """Wait until no job of a batch is active.

        Args:
            batch_id: the batch's id.
            timeout: seconds; None waits for ever.
            on_change: called with the batch each time it was read.

        Raises:
            TimeoutError: it has not completed by then.
        """
        ends_at = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if ends_at is None else max(0.0, ends_at - time.monotonic())
            patience = self._transport.patience(left)
            response = self._transport.ask("GET", _path(batch_id), patience=patience)
            batch = cast("BatchObject", self._transport.document(response, "id", "counts"))
            if on_change is not None:
                on_change(batch)
            if batch["status"] == COMPLETED:
                return batch
            if ends_at is not None and time.monotonic() >= ends_at:
                raise TimeoutError(f"Batch {batch_id} is {batch['status']} after {timeout} s.")
            asked = retry_after(response)
            longest = min(MAX_RETRY_AFTER_SECONDS, 1 if asked is None else asked)
            pause = max(MIN_LOOK_SECONDS, longest)
            if ends_at is not None:
                pause = min(pause, max(0.0, ends_at - time.monotonic()))
            if self._transport.pause.wait(pause):
                raise TimeoutError(f"Batch {batch_id} is {batch['status']}; the client is closed.")

    def cancel_batch(self, batch_id: str) -> BatchObject:
        """Cancel the rest of a batch; repeating it is safe."""
        return cast("BatchObject", self._read("DELETE", _path(batch_id), "id", "counts"))


def _path(batch_id: str) -> str:
    return f"/v1/batches/{segment(batch_id)}"
