"""The batch object."""

from typing import Any

from callboard.api.timestamps import optional_time, timestamp
from callboard.api.urls import Urls, with_query
from callboard.jobs.batches.batch import Batch


def batch_object(batch: Batch, urls: Urls) -> dict[str, Any]:
    """Render a batch."""
    return {
        "id": batch.id,
        "status": batch.status,
        "total": batch.total,
        "counts": dict(batch.counts),
        "progress": {"percent": batch.percent},
        "created_at": timestamp(batch.created_at),
        "ended_at": optional_time(batch.ended_at),
        "expires_at": optional_time(batch.expires_at),
        "links": batch_links(batch.id, urls),
    }


def batch_links(batch_id: str, urls: Urls) -> dict[str, str]:
    """Give the addresses of what belongs to a batch."""
    return {
        "self": urls.batch(batch_id),
        "jobs": with_query(urls.jobs(), {"batch": batch_id}),
        "callbacks": urls.batch_callbacks(batch_id),
    }
