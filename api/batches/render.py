"""The batch object."""

from typing import Annotated, Literal, cast

from pydantic import Field

from callboard.api.answer_types import Address, JobId, Percent, Timestamp, TypedDict, Whole
from callboard.api.timestamps import optional_time, timestamp
from callboard.api.urls import Urls, with_query
from callboard.jobs.batches.batch import Batch


class BatchCountsObject(TypedDict):
    """How many of the items are how; together they are all that were decided on."""

    scheduled: Whole
    queued: Whole
    running: Whole
    cancelling: Whole
    succeeded: Whole
    failed: Whole
    cancelled: Whole
    refused: Annotated[Whole, Field(description="Those of which no job was made.")]
    removed: Annotated[Whole, Field(description="Jobs that are not kept any more.")]


class _BatchProgressObject(TypedDict):
    """How far it is."""

    percent: Annotated[Percent, Field(description="Of its jobs.")]


class BatchLinksObject(TypedDict):
    """Addresses of what belongs to a batch."""

    self: Address
    jobs: Address
    callbacks: Address


class BatchObject(TypedDict):
    """Many submissions as one."""

    id: JobId
    status: Annotated[
        Literal["submitting", "active", "completed"],
        Field(
            description="`submitting` until every item is decided on, `completed` once every job "
            "has ended."
        ),
    ]
    total: Annotated[Whole, Field(description="How many items it has.")]
    counts: BatchCountsObject
    progress: _BatchProgressObject
    created_at: Timestamp
    ended_at: Annotated[Timestamp | None, Field(description="When the last of its jobs ended.")]
    expires_at: Annotated[
        Timestamp | None,
        Field(description="Until when it is kept: as long as a job of it is."),
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
    """Give the addresses of what belongs to a batch."""
    return {
        "self": urls.batch(batch_id),
        "jobs": with_query(urls.jobs(), {"batch": batch_id}),
        "callbacks": urls.batch_callbacks(batch_id),
    }
