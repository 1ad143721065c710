"""What the server answers with; written by `python -m tools.client_types`."""
# long: generated, one class for each kind of object

from typing import Any, Literal, NotRequired, TypedDict


class ProgressObject(TypedDict):
    """How far a run is; what is not known is null."""

    percent: float | None
    step: str | None
    current: int | None
    total: int | None
    eta_seconds: int | None


class QueuePlaceObject(TypedDict):
    """Where a queued job stands."""

    position: int | None
    blocked_on: str | None
    paused: bool | None
    estimated_start_seconds: int | None


class RunErrorObject(TypedDict):
    """Why the latest attempt failed."""

    type: str
    title: str
    detail: str
    attempt: int
    retryable: bool
    traceback: NotRequired[str]


class JobLinksObject(TypedDict):
    """Addresses of what belongs to a job."""

    self: str
    result: str
    events: str
    log: str
    cancel: str
    retry: str
    callbacks: str


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
    request_id: str | None
    links: JobLinksObject


class ConfirmationObject(TypedDict):
    """What the second step of a cancel sends back."""

    token: str
    expires_at: str


class CancelOfferObject(TypedDict):
    """A cancel that waits for its second step; nothing has changed yet."""

    confirmation: ConfirmationObject
    job: JobObject


class LogLineObject(TypedDict):
    """One line of a job's log."""

    number: int
    time: str
    text: str


class BatchCountsObject(TypedDict):
    """How many of the items are how; together they are all that were decided on."""

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
    """How far it is."""

    percent: float


class BatchLinksObject(TypedDict):
    """Addresses of what belongs to a batch."""

    self: str
    jobs: str
    callbacks: str


class BatchObject(TypedDict):
    """Many submissions as one."""

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
    """Where another job is found."""

    id: str
    status: Literal[
        "scheduled", "queued", "running", "cancelling", "succeeded", "failed", "cancelled"
    ]
    href: str


class InputErrorObject(TypedDict):
    """One thing that is wrong with a request."""

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
    """What became of an item."""

    index: int
    status: Literal["accepted", "duplicate", "invalid", "limited", "refused"]
    job: JobReferenceObject | None
    problem: BatchItemProblemObject | None


class SubmittedBatchObject(TypedDict):
    """A batch, and what became of each item."""

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


class OperationLimitsObject(TypedDict):
    """How an operation's jobs are bounded."""

    time_limit_seconds: float
    max_running: int | None
    max_running_now: int | None
    max_active: int
    max_retries: int
    slots: dict[str, int]


class OperationLinksObject(TypedDict):
    """Addresses of an operation."""

    self: str


class OperationObject(TypedDict):
    """What can be run."""

    name: str
    description: str
    parameters: dict[str, Any]
    result: dict[str, Any]
    paused: bool | None
    waiting: int | None
    limits: OperationLimitsObject
    unique: bool
    on_conflict: Literal["reject", "return", "replace"]
    wait_seconds: float
    result_ttl_seconds: float
    typical_duration_seconds: float | None
    links: OperationLinksObject


class ScheduleTickObject(TypedDict):
    """What became of a schedule's latest tick."""

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
    """Addresses of a schedule."""

    self: str


class ScheduleObject(TypedDict):
    """A job that is made again and again."""

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
