"""The routes of batches: submit, look and cancel."""

from typing import Final

from callboard.api.openapi.description import Answer, Body, Description, Descriptions
from callboard.api.openapi.paths.jobs import READ
from callboard.api.problems import table

_TAG: Final = "Batches"
_NOT_FOUND: Final = table.BATCH_NOT_FOUND
_LINKS: Final = ("lookAtBatch", "cancelBatch")

DESCRIPTIONS: Final[Descriptions] = {
    ("/v1/batches", "POST"): Description(
        id="submitBatch",
        tag=_TAG,
        summary="Submit a batch",
        says="Keeps a job of each item that can be one, and says what became of every item. "
        "An item that is refused keeps no other from being taken.",
        parameters=("Prefer", "Idempotency-Key", "traceparent"),
        body=Body(schema="BatchSubmission"),
        callbacks=("batchEvent",),
        answers={
            200: Answer(
                says="Every item is decided on, and all jobs have ended within the wait.",
                schema="SubmittedBatch",
                headers=("Location", "Vary"),
                perhaps=("Preference-Applied", "Idempotency-Replayed"),
                links=_LINKS,
            ),
            202: Answer(
                says="Every item is decided on.",
                schema="SubmittedBatch",
                headers=("Location", "Vary"),
                perhaps=("Retry-After", "Preference-Applied", "Idempotency-Replayed"),
                links=_LINKS,
            ),
        },
        problems=(
            *READ,
            table.INVALID_HEADER,
            table.INVALID_REQUEST,
            table.IDEMPOTENCY_MISMATCH,
            table.BATCH_GONE,
        ),
    ),
    ("/v1/batches/{batch_id}", "GET"): Description(
        id="getBatch",
        tag=_TAG,
        summary="Look at a batch",
        says="Says how many of its jobs are how, at once or, with `Prefer: wait`, as soon as its "
        "status changes. The jobs themselves are at `links.jobs`.",
        parameters=("Prefer",),
        answers={
            200: Answer(
                says="The batch as it is.",
                schema="Batch",
                headers=("Vary",),
                perhaps=("Retry-After", "Preference-Applied"),
                links=("cancelBatch",),
            )
        },
        problems=(_NOT_FOUND,),
    ),
    ("/v1/batches/{batch_id}", "DELETE"): Description(
        id="cancelBatch",
        tag=_TAG,
        summary="Cancel a batch",
        says="Cancels the jobs that have not ended. A repeat does no harm.",
        answers={
            200: Answer(
                says="All its jobs have ended.",
                schema="Batch",
                headers=("Vary",),
                links=("lookAtBatch",),
            ),
            202: Answer(
                says="Some that run are being cancelled.",
                schema="Batch",
                headers=("Retry-After", "Vary"),
                links=("lookAtBatch",),
            ),
        },
        problems=(_NOT_FOUND,),
    ),
}
