"""The schemas of jobs, as `callboard.api.jobs.render` shows them."""

from typing import Final, get_args

from callboard.api.bodies import Nothing
from callboard.api.jobs.cancel import CancelRequest
from callboard.api.jobs.render import job_links
from callboard.api.openapi.description import Schema, named
from callboard.api.openapi.operations import checked
from callboard.api.openapi.shapes import (
    ADDRESS,
    JOB_ID,
    TEXT,
    TIME,
    amount,
    closed,
    listed,
    nullable,
    said,
    whole,
)
from callboard.api.urls import Urls
from callboard.jobs.statuses import Status

SCHEMAS: Final[dict[str, Schema]] = {
    "JobStatus": {
        "type": "string",
        "description": "`succeeded`, `failed` and `cancelled` are final.",
        "enum": list(get_args(Status)),
    },
    "Progress": closed(
        "How far a run is; what is not known is null.",
        {
            "percent": nullable(amount(maximum=100)),
            "step": said(nullable(TEXT), "What it does now."),
            "current": said(nullable({"type": "integer"}), "Units done."),
            "total": said(nullable({"type": "integer"}), "Units in all."),
            "eta_seconds": said(nullable(whole()), "How long it still takes."),
        },
    ),
    "QueuePlace": closed(
        "Where a queued job stands.",
        {
            "position": said(nullable(whole(1)), "1 is the next one."),
            "blocked_on": said(nullable(TEXT), "The limit that it waits for."),
            "paused": said(
                nullable({"type": "boolean"}),
                "Whether its operation is paused; null when nobody can tell.",
            ),
            "estimated_start_seconds": nullable(whole()),
        },
    ),
    "RunError": closed(
        "Why the latest attempt failed.",
        {
            "type": said(ADDRESS, "The kind of failure; the address explains it."),
            "title": TEXT,
            "detail": TEXT,
            "attempt": whole(),
            "retryable": {"type": "boolean"},
            "traceback": said(TEXT, "For operators alone."),
        },
        perhaps="traceback",
    ),
    "JobLinks": closed(
        "Addresses of what belongs to a job.",
        dict.fromkeys(job_links("", Urls("")), ADDRESS),
    ),
    "JobReference": closed(
        "Where another job is found.",
        {"id": JOB_ID, "status": named("JobStatus"), "href": ADDRESS},
    ),
    "Labels": {
        "type": "object",
        "description": "Words to find a job by.",
        "additionalProperties": TEXT,
    },
    "JobPage": listed(
        "Job",
        "Jobs, the newest first. Results are left out: `result` is null, see `links.result`.",
    ),
    "Confirmation": closed(
        "What the second step of a cancel sends back.",
        {"token": TEXT, "expires_at": TIME},
    ),
    "CancelOffer": closed(
        "A cancel that waits for its second step; nothing has changed yet.",
        {"confirmation": named("Confirmation"), "job": named("Job")},
    ),
    "CancelOfferOrJob": {
        "description": "An offer after the first step, the job after the second.",
        "oneOf": [named("CancelOffer"), named("Job")],
    },
    "CancelRequest": checked(CancelRequest),
    "RetryRequest": checked(Nothing),
    "LogLine": closed(
        "One line of a job's log.",
        {
            "number": said(whole(1), "Counts all lines that were ever written."),
            "time": TIME,
            "text": TEXT,
        },
    ),
    "LogPage": listed(
        "LogLine",
        "Lines of a job's log, the oldest first.",
        dropped=said(whole(), "How many old lines are no longer kept."),
    ),
}
