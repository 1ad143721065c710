"""The routes of jobs: submit, list, look, follow, cancel, run again and remove."""

from typing import Final

from callboard.api.openapi.description import EVENT_STREAM, Answer, Body, Description, Descriptions
from callboard.api.openapi.downloads import ANY, AS_FILE, PARAMETERS, REFUSALS, downloads
from callboard.api.openapi.links import JOB
from callboard.api.problems import table

NOT_FOUND: Final = table.JOB_NOT_FOUND
GONE: Final = table.JOB_GONE
READ: Final = (
    table.MALFORMED_BODY,
    table.LENGTH_REQUIRED,
    table.BODY_TOO_LARGE,
    table.UNSUPPORTED_MEDIA_TYPE,
)
"""Why a body cannot be read."""

SUBMITTED: Final = (
    *READ,
    table.INVALID_HEADER,
    table.INVALID_REQUEST,
    table.INVALID_PARAMETERS,
    table.IDEMPOTENCY_MISMATCH,
    table.CAPACITY_EXCEEDED,
    table.FILE_MISSING,
    GONE,
)
"""Why a submission may be refused, whatever it is of."""

SUBMIT_HEADERS: Final = ("Prefer", "Idempotency-Key", "traceparent")
_LINKS: Final = tuple(JOB)
_TAG: Final = "Jobs"


def accepted(schema: str) -> dict[int, Answer]:
    """Give the answers to a submission that was accepted.

    Args:
        schema: the name of the schema of the job.
    """
    perhaps = ("Preference-Applied", "Idempotency-Replayed")
    return {
        200: Answer(
            says="The job is final: it finished while the request waited.",
            schema=schema,
            headers=("Location", "Vary"),
            perhaps=perhaps,
            links=_LINKS,
        ),
        202: Answer(
            says="The job is kept, and will run.",
            schema=schema,
            headers=("Location", "Retry-After", "Vary"),
            perhaps=perhaps,
            links=_LINKS,
        ),
    }


RETURNED: Final = Answer(
    says="An equal job is active already, and this operation gives it to everybody.",
    headers=("Location",),
)

DESCRIPTIONS: Final[Descriptions] = {
    ("/v1/jobs", "POST"): Description(
        id="submitJob",
        tag=_TAG,
        summary="Submit a job",
        says="Keeps a job and answers at once, or waits for it as long as `Prefer: wait` says.",
        parameters=SUBMIT_HEADERS,
        body=Body(schema="Submission"),
        callbacks=("jobEvent",),
        answers={**accepted("Job"), 303: RETURNED},
        problems=(*SUBMITTED, table.UNKNOWN_OPERATION, table.DUPLICATE_JOB),
    ),
    ("/v1/jobs", "GET"): Description(
        id="listJobs",
        tag=_TAG,
        summary="List jobs",
        says="Lists the caller's jobs, the newest first.",
        parameters=(
            "status",
            "operation",
            "labels",
            "created_after",
            "created_before",
            "batch",
            "tenant",
            "limit",
            "cursor",
        ),
        answers={
            200: Answer(
                says="A page of jobs.",
                schema="JobPage",
                headers=("Vary",),
                perhaps=("Link",),
                links=("lookAtFirst", "resultOfFirst"),
            )
        },
        problems=(table.INVALID_REQUEST,),
    ),
    ("/v1/jobs/{job_id}", "GET"): Description(
        id="getJob",
        tag=_TAG,
        summary="Look at a job",
        says="Says how a job is, at once or as soon as its status changes.",
        parameters=("Prefer", "If-None-Match"),
        answers={
            200: Answer(
                says="The job as it is.",
                schema="Job",
                headers=("ETag", "Vary"),
                perhaps=("Retry-After", "Preference-Applied"),
                links=("result", "events", "log", "cancel", "delete", "retry", "callbacks"),
            ),
            304: Answer(
                says="The job is as the client knows it.",
                headers=("ETag", "Vary"),
                perhaps=("Retry-After", "Preference-Applied"),
            ),
        },
        problems=(NOT_FOUND, GONE),
    ),
    ("/v1/jobs/{job_id}", "DELETE"): Description(
        id="deleteJob",
        tag=_TAG,
        summary="Cancel or remove a job",
        says="Cancels an active job in one step and leaves a final one as it is; "
        "`purge=true` removes a final one. A repeat does no harm, and forces nothing: "
        "`force=true` alone does.",
        parameters=("purge", "force"),
        answers={
            200: Answer(
                says="The job is final.", schema="Job", headers=("Vary",), links=("look", "retry")
            ),
            202: Answer(
                says="The job is being cancelled.",
                schema="Job",
                headers=("Retry-After", "Vary"),
                links=("look",),
            ),
            204: Answer(says="The job is removed."),
        },
        problems=(table.INVALID_REQUEST, NOT_FOUND, table.JOB_ACTIVE),
    ),
    ("/v1/jobs/{job_id}/result", "GET"): Description(
        id="getResult",
        tag=_TAG,
        summary="Fetch a result",
        says="Gives what the operation returned: data, or the one file that it returned in that "
        "file's own type.",
        parameters=(*PARAMETERS, "Accept-Encoding"),
        answers=downloads(
            Answer(
                says="The result.",
                schema="AnyResult",
                also={ANY: "Bytes"},
                perhaps=("Vary", "Content-Encoding", *AS_FILE),
            )
        ),
        problems=(
            NOT_FOUND,
            GONE,
            table.JOB_NOT_FINISHED,
            table.NO_RESULT,
            *REFUSALS,
        ),
    ),
    ("/v1/jobs/{job_id}/events", "GET"): Description(
        id="streamEvents",
        tag=_TAG,
        summary="Follow a job",
        says="Sends events as the job goes on; the last one is `done`.",
        parameters=("Last-Event-ID",),
        answers={
            200: Answer(
                says="Server-sent events.",
                schema="Event",
                media=(EVENT_STREAM,),
                headers=("X-Accel-Buffering",),
            ),
            204: Answer(says="The client has seen `done`."),
        },
        problems=(NOT_FOUND, GONE, table.NOT_ACCEPTABLE, table.STREAMS_FULL),
    ),
    ("/v1/jobs/{job_id}/log", "GET"): Description(
        id="getLog",
        tag=_TAG,
        summary="Read a job's log",
        says="Gives the lines that the running function wrote, page by page.",
        parameters=("after", "lines"),
        answers={
            200: Answer(
                says="Lines of the log.", schema="LogPage", headers=("Vary",), perhaps=("Link",)
            )
        },
        problems=(table.INVALID_REQUEST, NOT_FOUND, GONE),
    ),
    ("/v1/jobs/{job_id}/cancel", "POST"): Description(
        id="cancelJob",
        tag=_TAG,
        summary="Cancel a job in two steps",
        says="Without a body it changes nothing and offers a confirmation; "
        "with the confirmation's token it cancels.",
        body=Body(schema="CancelRequest", required=False),
        answers={
            200: Answer(
                says="The job is cancelled.", schema="Job", headers=("Vary",), links=("look",)
            ),
            202: Answer(
                says="A confirmation is wanted, or the job is being cancelled.",
                schema="CancelOfferOrJob",
                headers=("Vary",),
                perhaps=("Retry-After",),
                links=("lookAtOffered", "confirmCancel"),
            ),
        },
        problems=(
            *READ,
            table.INVALID_REQUEST,
            NOT_FOUND,
            table.JOB_FINAL,
            table.CONFIRMATION_STALE,
        ),
    ),
    ("/v1/jobs/{job_id}/retry", "POST"): Description(
        id="retryJob",
        tag=_TAG,
        summary="Run a job again",
        says="Submits a new job from the stored request of a final one.",
        parameters=SUBMIT_HEADERS,
        body=Body(schema="RetryRequest", required=False),
        answers={**accepted("Job"), 303: RETURNED},
        problems=(
            *SUBMITTED,
            NOT_FOUND,
            table.JOB_ACTIVE,
            table.UNKNOWN_OPERATION,
            table.DUPLICATE_JOB,
            table.NEWER_FORMAT,
        ),
    ),
}
