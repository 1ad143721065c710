"""What the server answers with; written by `python -m tools.client_types`."""
# long: generated, one class for each kind of object

from typing import Any, Literal, NotRequired, TypedDict


class ProgressObject(TypedDict):
    """Progress of a run; unknown values are null."""

    percent: float | None
    step: str | None
    current: int | None
    total: int | None
    eta_seconds: int | None


class QueuePlaceObject(TypedDict):
    """What a job waits for before it starts."""

    position: int | None
    blocked_on: str | None
    paused: bool | None
    estimated_start_seconds: int | None
    waiting_for: list[str]


class RunErrorObject(TypedDict):
    """Why the latest attempt failed."""

    type: str
    title: str
    detail: str
    attempt: int
    retryable: bool
    traceback: NotRequired[str]


class JobLinksObject(TypedDict):
    """URLs of a job."""

    self: str
    result: str
    events: str
    log: str
    cancel: str
    retry: str
    callbacks: str
    archive: NotRequired[str]


class JobObject(TypedDict):
    """One run of an operation."""

    id: str
    operation: str
    status: Literal[
        "scheduled", "queued", "running", "cancelling", "succeeded", "failed", "cancelled"
    ]
    created_at: str
    scheduled_for: str | None
    started_at: str | None
    finished_at: str | None
    expires_at: str | None
    attempt: int
    max_attempts: int
    priority: int
    progress: ProgressObject
    queue: QueuePlaceObject | None
    result: Any
    error: RunErrorObject | None
    labels: dict[str, str]
    batch_id: str | None
    retry_of: str | None
    after: list[str]
    after_policy: Literal["succeeded", "finished"]
    request_id: str | None
    links: JobLinksObject


class ConfirmationObject(TypedDict):
    """What to send back in the second step of a cancel."""

    token: str
    expires_at: str


class CancelOfferObject(TypedDict):
    """A cancel to be confirmed; nothing has changed yet."""

    confirmation: ConfirmationObject
    job: JobObject


class LogLineObject(TypedDict):
    """One line of a job's log."""

    number: int
    time: str
    text: str


class BatchCountsObject(TypedDict):
    """The items decided so far, counted by outcome or job status."""

    scheduled: int
    queued: int
    running: int
    cancelling: int
    succeeded: int
    failed: int
    cancelled: int
    refused: int
    removed: int


class BatchProgressObject(TypedDict):
    """Progress of the batch."""

    percent: float


class BatchLinksObject(TypedDict):
    """URLs of a batch."""

    self: str
    jobs: str
    callbacks: str


class BatchObject(TypedDict):
    """Many submissions in one request."""

    id: str
    status: Literal["submitting", "active", "completed"]
    total: int
    counts: BatchCountsObject
    progress: BatchProgressObject
    created_at: str
    ended_at: str | None
    expires_at: str | None
    links: BatchLinksObject


class JobReferenceObject(TypedDict):
    """Id and URL of another job."""

    id: str
    status: Literal[
        "scheduled", "queued", "running", "cancelling", "succeeded", "failed", "cancelled"
    ]
    href: str


class InputErrorObject(TypedDict):
    """One error in a request."""

    detail: str
    pointer: str


BatchItemProblemObject = TypedDict(
    "BatchItemProblemObject",
    {
        "violated-policies": NotRequired[list[str]],
        "type": str,
        "title": str,
        "status": int,
        "detail": str,
        "request_id": str,
        "code": NotRequired[str],
        "errors": NotRequired[list[InputErrorObject]],
        "existing_job": NotRequired[JobReferenceObject],
        "retry_after": NotRequired[int],
    },
)


class BatchItemObject(TypedDict):
    """The outcome of an item."""

    index: int
    status: Literal["accepted", "duplicate", "invalid", "limited", "refused"]
    job: JobReferenceObject | None
    problem: BatchItemProblemObject | None


class SubmittedBatchObject(TypedDict):
    """A batch, with the outcome of each item."""

    id: str
    status: Literal["submitting", "active", "completed"]
    total: int
    counts: BatchCountsObject
    progress: BatchProgressObject
    created_at: str
    ended_at: str | None
    expires_at: str | None
    links: BatchLinksObject
    items: list[BatchItemObject]


class SubmissionRateObject(TypedDict):
    """A number of submissions per period, in a burst or spread over it."""

    submissions: int
    window_seconds: int


class OperationLimitsObject(TypedDict):
    """The limits of an operation's jobs."""

    time_limit_seconds: float
    max_running: int | None
    max_running_now: int | None
    max_running_per: dict[str, int]
    max_active: int
    submission_rate: SubmissionRateObject | None
    capacity_groups: dict[str, int]
    max_retries: int
    slots: dict[str, int]


class OperationLinksObject(TypedDict):
    """URLs of an operation."""

    self: str


class OperationObject(TypedDict):
    """A function that can run as a job."""

    name: str
    description: str
    parameters: dict[str, Any]
    result: dict[str, Any]
    paused: bool | None
    waiting: int | None
    limits: OperationLimitsObject
    unique: bool
    on_conflict: Literal["reject", "return", "replace"]
    role: Literal["client", "operator", "admin"]
    wait_seconds: float
    result_ttl_seconds: float
    typical_duration_seconds: float | None
    links: OperationLinksObject


class ScheduleTickObject(TypedDict):
    """The outcome of a schedule's latest tick."""

    at: str
    outcome: Literal[
        "submitted",
        "duplicate",
        "full",
        "invalid-parameters",
        "unknown-operation",
        "refused",
        "skipped",
    ]
    detail: str | None
    job: JobReferenceObject | None


class ScheduleLinksObject(TypedDict):
    """URLs of a schedule."""

    self: str


class ScheduleObject(TypedDict):
    """Creates a job at each tick of a cron expression."""

    cron: str
    timezone: str
    operation: str
    params: dict[str, Any]
    priority: int
    labels: dict[str, str]
    tenant: str
    missed: Literal["once", "skip"]
    name: str
    paused: bool
    source: Literal["file", "api"]
    next_at: str | None
    last: ScheduleTickObject | None
    links: ScheduleLinksObject
