"""The schemas of request bodies, from the models that check them."""

from typing import Any

from callboard.api.batches.items import BatchSubmission
from callboard.api.bodies import Nothing
from callboard.api.callback_policy import BatchCallback, JobCallback
from callboard.api.description import Schema, named
from callboard.api.jobs.cancel import CancelRequest
from callboard.api.openapi.operations import checked
from callboard.jobs.batches.submit import MAX_ITEMS


def request_schemas() -> dict[str, Schema]:
    """Return those that do not depend on the operations, by name."""
    return {
        "JobCallback": checked(JobCallback),
        "BatchCallback": checked(BatchCallback),
        "BatchSubmission": _batch_submission(),
        "CancelRequest": checked(CancelRequest),
        "RetryRequest": checked(Nothing),
        "ResendRequest": checked(Nothing),
        "AnyParameters": {
            "type": "object",
            "description": "Parameters of an operation.",
            "additionalProperties": True,
        },
    }


def _batch_submission() -> Schema:
    schema: dict[str, Any] = {
        key: each for key, each in checked(BatchSubmission).items() if key != "$defs"
    }
    other = {"description": "Any other value makes this item `invalid`; the others are processed."}
    items = schema["properties"]["items"]
    items["items"] = {"anyOf": [named("Submission"), other]}
    items["maxItems"] = MAX_ITEMS
    return schema
