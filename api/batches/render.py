"""The batch object."""

from typing import Annotated, Literal, cast

from pydantic import Field

from callboard.api.answer_types import (
    Address,
    JobId,
    Percent,
    Timestamp,
    TypedDict,
    Whole,
)
from callboard.api.times import optional_time, timestamp
from callboard.api.urls import Urls, with_query
from callboard.jobs.batches.batch import Batch


class BatchCountsObject(TypedDict):
    """The items decided so far, counted by outcome or job status."""

    scheduled: Whole
    queued: Whole
    running: Whole
    cancelling: Whole
    succeeded: Whole
    failed: Whole
    cancelled: Whole
    refused: Annotated[Whole, Field(description="Items that created no job.")]
    removed: Annotated[Whole, Field(description="Jobs that have expired or been removed.")]


class _BatchProgressObject(TypedDict):
    """Progress of the batch."""

    percent: Annotated[Percent, Field(description="Percentage of its jobs that have ended.")]


class BatchLinksObject(TypedDict):
    """URLs of a batch."""

    self: Address
    jobs: Address
    callbacks: Address


class BatchObject(TypedDict):
    """Many submissions in one request."""

    id: JobId
    status: Annotated[
        Literal["submitting", "active", "completed"],
        Field(
            description="`submitting` until every item is decided, `completed` once every job "
            "has ended."
        ),
    ]
    total: Annotated[Whole, Field(description="Number of items in the batch.")]
    counts: BatchCountsObject
    progress: _BatchProgressObject
    created_at: Timestamp
    ended_at: Annotated[Timestamp | None, Field(description="When its last job ended.")]
    expires_at: Annotated[
        Timestamp | None,
        Field(description="When it is removed: with the last of its jobs."),
    ]
    links: BatchLinksObject


def batch_object(batch: Batch, urls: Urls) -> BatchObject:
    """Render a batch."""
    return {
        "id": batch.id,
        "status": batch.status,
        "total": batch.total,
        "counts": cast("BatchCountsObject", dict(batch.counts)),
        "progress": {"percent": batch.percent},
        "created_at": timestamp(batch.created_at),
        "ended_at": optional_time(batch.ended_at),
        "expires_at": optional_time(batch.expires_at),
        "links": batch_links(batch.id, urls),
    }


def batch_links(batch_id: str, urls: Urls) -> BatchLinksObject:
    """Return the URLs of a batch."""
    return {
        "self": urls.batch(batch_id),
        "jobs": with_query(urls.jobs(), {"batch": batch_id}),
        "callbacks": urls.batch_callbacks(batch_id),
    }
