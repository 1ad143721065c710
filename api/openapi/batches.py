"""The schemas of batches, as `callboard.api.batches.resource` takes and shows them."""

from typing import Final, get_args

from callboard.api.batches.items import STATUSES as ITEM_STATUSES
from callboard.api.batches.items import BatchSubmission
from callboard.api.batches.render import batch_links
from callboard.api.callbacks.policy import BatchCallback, BatchEvent
from callboard.api.openapi.description import Schema, named
from callboard.api.openapi.operations import checked
from callboard.api.openapi.shapes import (
    ADDRESS,
    JOB_ID,
    TEXT,
    TIME,
    amount,
    closed,
    nullable,
    said,
    whole,
)
from callboard.api.urls import Urls
from callboard.jobs.batches.submit import MAX_ITEMS
from callboard.jobs.statuses import STATUSES

_BATCH: Final[dict[str, Schema]] = {
    "id": JOB_ID,
    "status": said(
        {"type": "string", "enum": ["submitting", "active", "completed"]},
        "`submitting` until every item is decided on, `completed` once every job has ended.",
    ),
    "total": said(whole(), "How many items it has."),
    "counts": named("BatchCounts"),
    "progress": closed("How far it is.", {"percent": said(amount(maximum=100), "Of its jobs.")}),
    "created_at": TIME,
    "ended_at": said(nullable(TIME), "When the last of its jobs ended."),
    "expires_at": said(nullable(TIME), "Until when it is kept: as long as a job of it is."),
    "links": named("BatchLinks"),
}


def _submission() -> Schema:
    schema = {key: each for key, each in checked(BatchSubmission).items() if key != "$defs"}
    other = {"description": "Anything else is answered as `invalid`, and the others are taken."}
    items = schema["properties"]["items"]
    items["items"] = {"anyOf": [named("Submission"), other]}
    items["maxItems"] = MAX_ITEMS
    return schema


SCHEMAS: Final[dict[str, Schema]] = {
    "BatchCallback": checked(BatchCallback),
    "BatchSubmission": _submission(),
    "BatchCounts": closed(
        "How many of the items are how; together they are all that were decided on.",
        {
            **dict.fromkeys(STATUSES, whole()),
            "refused": said(whole(), "Those of which no job was made."),
            "removed": said(whole(), "Jobs that are not kept any more."),
        },
    ),
    "BatchLinks": closed(
        "Addresses of what belongs to a batch.",
        dict.fromkeys(batch_links("", Urls("")), ADDRESS),
    ),
    "Batch": closed("Many submissions as one.", _BATCH),
    "BatchItemProblem": closed(
        "Why no job was made of an item, as a single submission would have been answered.",
        {
            "type": said(ADDRESS, "The kind of problem; the address explains it."),
            "title": TEXT,
            "status": whole(),
            "detail": TEXT,
            "request_id": TEXT,
            "code": TEXT,
            "errors": {"type": "array", "items": named("InputError")},
            "existing_job": named("JobReference"),
            "violated-policies": {"type": "array", "items": TEXT},
            "retry_after": said(whole(), "In how many seconds it may be taken."),
        },
        perhaps="code errors existing_job violated-policies retry_after",
    ),
    "BatchItem": closed(
        "What became of an item.",
        {
            "index": said(whole(), "Its place in the request, from 0."),
            "status": {"type": "string", "enum": list(dict.fromkeys(ITEM_STATUSES.values()))},
            "job": said(
                nullable(named("JobReference")),
                "The job that was made, or the active one that it equals, as it was then.",
            ),
            "problem": nullable(named("BatchItemProblem")),
        },
    ),
    "SubmittedBatch": closed(
        "A batch, and what became of each item.",
        {**_BATCH, "items": {"type": "array", "items": named("BatchItem")}},
    ),
    "BatchEvent": closed(
        "What became of a batch.",
        {
            "type": {"type": "string", "enum": list(get_args(BatchEvent))},
            "timestamp": said(TIME, "When it happened."),
            "data": named("Batch"),
        },
    ),
}
