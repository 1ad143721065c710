"""The table of problem types: one row each, with all that is said about it."""
# long: one row for each type, nothing but words

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from callboard.api.problems.problem_type import ProblemType
from callboard.jobs import errors

REDUCED_CAPACITY: Final = (
    "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
)
QUOTA_EXCEEDED: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"

# --- what is wrong with the request ---

BAD_REQUEST: Final = ProblemType(
    name="bad-request",
    status=400,
    title="The request is not valid HTTP.",
    meaning="The server cannot parse the request: its method, address, query or one of its headers "
    "is malformed.",
    advice="Read `detail`, and check what your client actually sends. The same request will fail "
    "again.",
)
MALFORMED_BODY: Final = ProblemType(
    name="malformed-body",
    status=400,
    title="The request body cannot be parsed.",
    meaning="The body is not what its media type promises. It is empty, truncated, not JSON or "
    "msgpack, nested too deeply, or contains something that is never accepted: NaN or infinity, "
    "numbers of more than 64 bits, duplicate member names, lone surrogates or msgpack extensions.",
    advice="`detail` says where parsing failed. Serialize the body with a library rather than by "
    "joining strings.",
)
INVALID_HEADER: Final = ProblemType(
    name="invalid-header",
    status=400,
    title="A request header has an invalid value.",
    meaning="The value of a header breaks its rule.",
    advice="`detail` names the header and the rule.",
)
AUTHENTICATION_REQUIRED: Final = ProblemType(
    name="authentication-required",
    status=401,
    title="A valid API key is required.",
    meaning="The request has no API key, or one that the server does not know. A revoked key is "
    "unknown too.",
    advice="Send `Authorization: Bearer <key>` or `X-API-Key: <key>`. Operators create keys with "
    "`callboardctl keys create`.",
)
FORBIDDEN: Final = ProblemType(
    name="forbidden",
    status=403,
    title="The API key's role does not allow this.",
    meaning="The key is valid, but its role does not allow this request. A `viewer` reads, a "
    "`client` also submits and cancels, an `operator` sees all tenants and workers.",
    advice="Use a key with the role that `detail` names, or ask an operator for one.",
)
OTHER_ORIGIN: Final = ProblemType(
    name="other-origin",
    status=403,
    title="Cross-origin requests need an API key.",
    meaning="A browser sent this request on behalf of a page from another site. A server that "
    "requires no API key refuses such requests: any page that you open could run operations.",
    advice="Use this server's own pages, or set up API keys and send one.",
)
NOT_FOUND: Final = ProblemType(
    name="not-found",
    status=404,
    title="No resource has this address.",
    meaning="The address matches no route.",
    advice="Compare it with the addresses in `/docs`. Follow the `links` of a job rather than "
    "building addresses yourself.",
)
METHOD_NOT_ALLOWED: Final = ProblemType(
    name="method-not-allowed",
    status=405,
    title="This address does not support the method.",
    meaning="The address exists, but does not support the request's method.",
    advice="The `Allow` header lists the methods that it supports.",
)
NOT_ACCEPTABLE: Final = ProblemType(
    name="not-acceptable",
    status=406,
    title="The resource has no representation that the client accepts.",
    meaning="The `Accept` header excludes the only media type that this address offers.",
    advice="Omit `Accept`, or include the media type that `detail` names.",
)
LENGTH_REQUIRED: Final = ProblemType(
    name="length-required",
    status=411,
    title="The request does not state its length.",
    meaning="The request has a body, but neither `Content-Length` nor a chunked transfer coding.",
    advice="Send `Content-Length`, or send the body in chunks. HTTP libraries do this for you.",
)
PRECONDITION_FAILED: Final = ProblemType(
    name="precondition-failed",
    status=412,
    title="The current version is not the requested one.",
    meaning="`If-Match` names a version other than the current one.",
    advice="The `ETag` header of a `GET` names the current version.",
)
BODY_TOO_LARGE: Final = ProblemType(
    name="body-too-large",
    status=413,
    title="The request body is too large.",
    meaning="The body exceeds the size limit, or the limit on the number of values in it: strings, "
    "numbers, lists, objects and member names.",
    advice="`detail` states the limit. Send less, or send a reference to data that the operation "
    "can fetch. Operators set the size limit with `CALLBOARD_MAX_BODY_BYTES`.",
)
URI_TOO_LONG: Final = ProblemType(
    name="uri-too-long",
    status=414,
    title="The request's address is too long.",
    meaning="The request line exceeds the server's limit.",
    advice="Shorten the query. Send an operation's parameters in the body.",
)
UNSUPPORTED_MEDIA_TYPE: Final = ProblemType(
    name="unsupported-media-type",
    status=415,
    title="The media type of the request body is not supported.",
    meaning="The body has an unsupported media type, declares none, or is compressed.",
    advice="Send `application/json` or `application/msgpack`, and declare it in `Content-Type`.",
)
RANGE_NOT_SATISFIABLE: Final = ProblemType(
    name="range-not-satisfiable",
    status=416,
    title="The requested range lies beyond the end.",
    meaning="`Range` asks for bytes past the end of the content.",
    advice="The `Content-Range` header states how many bytes there are.",
)
MISDIRECTED: Final = ProblemType(
    name="misdirected",
    status=421,
    title="This server does not answer to that host name.",
    meaning="The host name in the address is not one of this server's. A server that requires no "
    "API key answers only to loopback names such as `localhost`, and to names that its operator "
    "has listed.",
    advice="Use the server's own name. Operators list names in `CALLBOARD_HOSTS`, or set "
    "`CALLBOARD_PUBLIC_URL`.",
)
INVALID_REQUEST: Final = ProblemType(
    name="invalid-request",
    status=422,
    title="The request does not match its schema.",
    meaning="A member of the body or a query parameter is missing, unknown, of the wrong type or "
    "out of range.",
    advice="Each entry of `errors` says what is wrong and where: `pointer` is a JSON Pointer into "
    "the body, or the name of a query parameter.",
)
HEADERS_TOO_LARGE: Final = ProblemType(
    name="headers-too-large",
    status=431,
    title="The request headers are too large.",
    meaning="The request has too many headers, or headers that are too long.",
    advice="Send fewer headers. The server does not use cookies or tracing baggage.",
)
NOT_IMPLEMENTED: Final = ProblemType(
    name="not-implemented",
    status=501,
    title="The server does not support this HTTP feature.",
    meaning="The request uses an HTTP feature that the server does not support, such as an unknown "
    "transfer coding.",
    advice="Send the request without it.",
)

# --- operations and their parameters ---

UNKNOWN_OPERATION: Final = ProblemType(
    name="unknown-operation",
    status=404,
    title="No operation has this name.",
    meaning="This server has no operation with this name.",
    advice="`GET /v1/operations` lists the available operations.",
    error=errors.UnknownOperation,
)
INVALID_PARAMETERS: Final = ProblemType(
    name="invalid-parameters",
    status=422,
    title="The parameters do not match the operation's schema.",
    meaning="The parameters do not match the operation's schema, so no job was created.",
    advice="Each entry of `errors` has a JSON Pointer to a faulty value. "
    "`GET /v1/operations/{name}` shows the schema.",
    error=errors.InvalidParameters,
)
OPERATION_FAULT: Final = ProblemType(
    name="operation-fault",
    status=500,
    title="The operation's own code failed while it checked the request.",
    meaning="The operation's own code, such as a parameter validator, raised an unexpected error. "
    "No job was created.",
    advice="Operators find the error under `request_id` in the server's log. Authors of operations "
    "raise `ValueError` to reject parameters.",
    error=errors.OperationFault,
)

# --- submissions and jobs ---

DUPLICATE_JOB: Final = ProblemType(
    name="duplicate-job",
    status=409,
    title="An identical job is already active.",
    meaning="A job of this operation with the same parameters is active, and the operation allows "
    "only one at a time.",
    advice="Use the active job: `existing_job` and `Location` point to it. Or submit again after "
    "`Retry-After` seconds, or cancel the active job first.",
    error=errors.DuplicateJob,
)
IDEMPOTENCY_MISMATCH: Final = ProblemType(
    name="idempotency-mismatch",
    status=422,
    title="This Idempotency-Key was used with different content.",
    meaning="The same `Idempotency-Key` was sent with different content within the last 24 hours.",
    advice="Use a new key for each new submission. Repeat a submission with its own key and "
    "unchanged content.",
    error=errors.IdempotencyMismatch,
)
JOB_NOT_FOUND: Final = ProblemType(
    name="job-not-found",
    status=404,
    title="No job has this id.",
    meaning="No job has this id, or the job belongs to another tenant.",
    advice="Check the id, and which API key was sent.",
    error=errors.JobNotFound,
)
JOB_GONE: Final = ProblemType(
    name="job-gone",
    status=410,
    title="The job expired or was removed.",
    meaning="The job reached the end of its retention time, or someone removed it.",
    advice="Submit it again if you still need its result. Request a longer `result_ttl_seconds` to "
    "keep jobs longer.",
    error=errors.JobGone,
)
JOB_NOT_FINISHED: Final = ProblemType(
    name="job-not-finished",
    status=409,
    title="The job has no result yet.",
    meaning="The job has not finished, so it has no result yet.",
    advice="Ask again after `Retry-After` seconds, or wait on the job with `Prefer: wait=N`.",
    error=errors.JobNotFinished,
)
NO_RESULT: Final = ProblemType(
    name="no-result",
    status=409,
    title="The job ended without a result.",
    meaning="The job failed or was cancelled, so it has no result.",
    advice="The `error` member says why. Submit the job again if another attempt could succeed.",
)
JOB_ACTIVE: Final = ProblemType(
    name="job-active",
    status=409,
    title="The job is still active.",
    meaning="The request applies only to a job that has ended.",
    advice="Wait until the job has ended, or cancel it first.",
    error=errors.JobActive,
)
JOB_FINAL: Final = ProblemType(
    name="job-final",
    status=409,
    title="The job has already ended.",
    meaning="The job ended before the request arrived, so there is nothing to cancel.",
    advice="Read the job to see how it ended.",
    error=errors.JobFinal,
)
CONFIRMATION_STALE: Final = ProblemType(
    name="confirmation-stale",
    status=409,
    title="The confirmation token is not valid for this job.",
    meaning="The token is unknown, more than five minutes old, or belongs to another job or "
    "caller. Nothing was cancelled.",
    advice="Repeat the first step to get a new token, then confirm with it.",
    error=errors.ConfirmationStale,
)

# --- batches, callbacks and schedules ---

BATCH_NOT_FOUND: Final = ProblemType(
    name="batch-not-found",
    status=404,
    title="No batch has this id.",
    meaning="No batch has this id, the batch belongs to another tenant, or all of its jobs expired "
    "or were removed. A batch is kept as long as any of its jobs.",
    advice="Check the id, and which API key was sent.",
    error=errors.BatchNotFound,
)
BATCH_GONE: Final = ProblemType(
    name="batch-gone",
    status=410,
    title="The batch of this Idempotency-Key is gone.",
    meaning="This Idempotency-Key created a batch whose jobs have all expired or been removed.",
    advice="Use a new key to submit the items again.",
    error=errors.BatchGone,
)
BATCH_CLOSED: Final = ProblemType(
    name="batch-closed",
    status=409,
    title="The batch accepts no more jobs.",
    meaning="Before this item's turn the batch was cancelled, or its submission was interrupted "
    "and not repeated within a minute.",
    advice="Submit the item in another batch if you still need it.",
    error=errors.BatchClosed,
)
DELIVERY_NOT_FOUND: Final = ProblemType(
    name="delivery-not-found",
    status=404,
    title="No callback has this id.",
    meaning="The job or batch exists, but has no callback with this id. Callbacks are listed for "
    "seven days after their last attempt.",
    advice="Take the id from the list of callbacks.",
    error=errors.DeliveryNotFound,
)
DELIVERY_PENDING: Final = ProblemType(
    name="delivery-pending",
    status=409,
    title="The callback is being delivered.",
    meaning="A delivery attempt is in progress, so the callback cannot be restarted now.",
    advice="Check the outcome in the list of callbacks, then resend if necessary. No attempt takes "
    "longer than `Retry-After` seconds.",
    retry_after_s=60,
    error=errors.DeliveryPending,
)
SCHEDULE_NOT_FOUND: Final = ProblemType(
    name="schedule-not-found",
    status=404,
    title="No schedule has this name.",
    meaning="This server has no schedule with this name.",
    advice="`GET /v1/schedules` lists the schedules.",
    error=errors.ScheduleNotFound,
)
SCHEDULE_FROM_FILE: Final = ProblemType(
    name="schedule-from-file",
    status=409,
    title="The schedule is defined in the server's file.",
    meaning="The schedule comes from the file that the server was started with. The next start "
    "would undo any other change.",
    advice="Edit the file. Over HTTP the schedule can only be paused and resumed.",
    error=errors.ScheduleFromFile,
)
TOO_MANY_SCHEDULES: Final = ProblemType(
    name="too-many-schedules",
    status=409,
    title="The server's limit on schedules is reached.",
    meaning="The server has as many schedules as it allows.",
    advice="Remove a schedule that is no longer needed, or let one schedule do the work of "
    "several.",
    error=errors.TooManySchedules,
)

# --- files ---

INVALID_FILE: Final = ProblemType(
    name="invalid-file",
    status=422,
    title="The file is empty or damaged.",
    meaning="The file has no bytes, or its digest differs from the one that the request states.",
    advice="`detail` says which. Send the complete file again.",
)
FILE_AMBIGUOUS: Final = ProblemType(
    name="file-ambiguous",
    status=422,
    title="The file can be read as more than one type.",
    meaning="The file is valid as two types at once, such as an image that is also an archive. A "
    "program that checks one and opens the other would be deceived.",
    advice="Save the file again with a program for its type.",
)
FILE_TYPE_NOT_ACCEPTED: Final = ProblemType(
    name="file-type-not-accepted",
    status=415,
    title="The file's type is not accepted here.",
    meaning="The file's bytes do not match its declared type, or the operation does not accept "
    "files of this type.",
    advice="`detail` says what the bytes are. `GET /v1/operations/{name}` shows the accepted "
    "types. Declare the right type in `Content-Type`, or `application/octet-stream`.",
)
FILE_MISSING: Final = ProblemType(
    name="file-missing",
    status=422,
    title="A file that the parameters name does not exist.",
    meaning="A file that the parameters name expired or was removed.",
    advice="Upload it again, and submit with the new id.",
    error=errors.FileMissing,
)
DEPENDENCY_MISSING: Final = ProblemType(
    name="dependency-missing",
    status=422,
    title="A job named in `after` does not exist.",
    meaning="`after` names a job that never existed, belongs to another tenant, or was removed.",
    advice="Omit jobs that no longer exist. `errors` points to the id.",
    error=errors.DependencyMissing,
)
FILE_NOT_FOUND: Final = ProblemType(
    name="file-not-found",
    status=404,
    title="No file has this id.",
    meaning="No file has this id, the file belongs to another tenant, or it has expired.",
    advice="Check the id, and which API key was sent. `GET /v1/files` lists uploaded files.",
    error=errors.FileNotFound,
)
FILE_IN_USE: Final = ProblemType(
    name="file-in-use",
    status=409,
    title="A job uses this file.",
    meaning="A job takes this file as input or created it, so the file is kept as long as the job.",
    advice="Remove the job first with `DELETE /v1/jobs/{id}?purge=true`, or wait: the file is "
    "removed with the job.",
    error=errors.FileInUse,
)
FILE_TOO_LARGE: Final = ProblemType(
    name="file-too-large",
    status=413,
    title="The file is too large.",
    meaning="The file exceeds the size limit of the server or of this parameter.",
    advice="`detail` states the limit. Operators set the server's limit with "
    "`CALLBOARD_MAX_FILE_BYTES`.",
    error=errors.FileTooLarge,
)
STORAGE_FULL: Final = ProblemType(
    name="storage-full",
    status=413,
    title="The tenant's file storage is full.",
    meaning="The tenant's files, including uploads in progress, take all the storage that the "
    "tenant may use.",
    advice="Remove files that are no longer needed (`GET /v1/files` lists them), or wait until "
    "some expire. Operators set the limit with `CALLBOARD_TENANT_STORAGE_BYTES`.",
    retry_after_s=60,
    error=errors.StorageFull,
)

# --- limits, outages and failures of the server ---

RATE_EXCEEDED: Final = ProblemType(
    name=QUOTA_EXCEEDED,
    status=429,
    title="The tenant's quota is exhausted.",
    meaning="The tenant sent more requests, or submitted more jobs of an operation, than its quota "
    "allows: `violated-policies` names `requests` or `submissions:<operation>`. This request had "
    "no effect.",
    advice="Try again after `Retry-After` seconds. `RateLimit-Policy` states the quotas, and "
    "`RateLimit` how much of them is left.",
    error=errors.RateExceeded,
)
INTERNAL_ERROR: Final = ProblemType(
    name="internal-error",
    status=500,
    title="The server failed unexpectedly.",
    meaning="The server hit an unexpected error. The request may or may not have had an effect.",
    advice="Try again: with the same `Idempotency-Key`, a submission creates at most one job. If "
    "the error persists, send `request_id` to the server's operator, who finds it in the log.",
)
CAPACITY_EXCEEDED: Final = ProblemType(
    name=REDUCED_CAPACITY,
    status=503,
    code="CAPACITY_EXCEEDED",
    title="The limit on active jobs is reached.",
    meaning="The server, the operation or a group of operations has as many active jobs as it "
    "allows. No job was created.",
    advice="Try again after `Retry-After` seconds, and back off if it fails again. Operators add "
    "workers, or raise the operation's `max_active`, `CALLBOARD_CAPACITY_GROUPS` or "
    "`CALLBOARD_MAX_ACTIVE`.",
    retry_after_s=60,
    error=errors.CapacityExceeded,
)
STORE_UNAVAILABLE: Final = ProblemType(
    name=REDUCED_CAPACITY,
    status=503,
    code="STORE_UNAVAILABLE",
    title="The job store is unavailable.",
    meaning="The server cannot reach the job store. Accepted jobs are safe, and running jobs "
    "continue.",
    advice="Try again after `Retry-After` seconds. Send an `Idempotency-Key` with submissions, so "
    "that a repeat creates no second job.",
    retry_after_s=5,
    error=errors.StoreUnavailable,
)
STORAGE_UNAVAILABLE: Final = ProblemType(
    name=REDUCED_CAPACITY,
    status=503,
    code="STORAGE_UNAVAILABLE",
    title="The file storage is unavailable.",
    meaning="The server cannot reach the file storage, or the storage is full.",
    advice="Try again after `Retry-After` seconds. Nothing of a failed upload is kept.",
    retry_after_s=5,
    error=errors.StorageUnavailable,
)
NEWER_FORMAT: Final = ProblemType(
    name=REDUCED_CAPACITY,
    status=503,
    code="NEWER_FORMAT",
    title="A newer version of Callboard created this job.",
    meaning="This process is too old to read how the job was submitted. This happens during an "
    "upgrade.",
    advice="Try again after `Retry-After` seconds: by then an upgraded process may answer.",
    retry_after_s=60,
    error=errors.NewerFormat,
)
STREAMS_FULL: Final = ProblemType(
    name=REDUCED_CAPACITY,
    status=503,
    code="STREAMS_FULL",
    title="The limit on open event streams is reached.",
    meaning="The server has as many open event streams as it allows. The job is not affected.",
    advice="Try again after `Retry-After` seconds, or wait on the job with `Prefer: wait=N`.",
    retry_after_s=5,
)
BODIES_FULL: Final = ProblemType(
    name=REDUCED_CAPACITY,
    status=503,
    code="BODIES_FULL",
    title="The limit on request bodies in memory is reached.",
    meaning="This process is receiving as many request bodies as it can hold, in all or from this "
    "tenant or address. The request had no effect.",
    advice="Try again after `Retry-After` seconds, and send fewer large bodies at a time.",
    retry_after_s=5,
)
DOWNLOADS_FULL: Final = ProblemType(
    name=REDUCED_CAPACITY,
    status=503,
    code="DOWNLOADS_FULL",
    title="The limit on concurrent downloads is reached.",
    meaning="This process is sending as many files and large results as it can, in all or to this "
    "tenant or address. The requested content is safe.",
    advice="Try again after `Retry-After` seconds, and run fewer downloads at a time.",
    retry_after_s=5,
)
NOT_READY: Final = ProblemType(
    name=REDUCED_CAPACITY,
    status=503,
    code="NOT_READY",
    title="The server cannot accept jobs.",
    meaning="`/readyz` reports that this server cannot accept jobs at the moment.",
    advice="Send requests to another server, or wait. The `checks` member names what is missing.",
    retry_after_s=5,
)
DRAINING: Final = ProblemType(
    name=REDUCED_CAPACITY,
    status=503,
    code="DRAINING",
    title="This process is shutting down.",
    meaning="`/readyz` reports that this web process was told to stop. It completes the requests "
    "that it has accepted.",
    advice="Send requests to another process. Its successor usually has the same address.",
    retry_after_s=1,
)

_NEVER_ANSWERED: Final = (
    errors.OperationError,
    errors.ScheduleInvalid,
    errors.Refused,
    errors.StoreUnfit,
    errors.Failure,
    errors.RetryAfter,
    errors.ResultNotSerialisable,
    errors.ResultTooLarge,
    errors.FileGone,
    errors.OutOfMemory,
    errors.Crashed,
    errors.Interrupted,
    errors.Cancelled,
    errors.TimedOut,
    errors.LeaseLost,
    errors.ShutDown,
)
"""Errors that a web process never raises: if one comes, it is a fault of ours."""

ALL: Final = sorted(
    (each for each in list(vars().values()) if isinstance(each, ProblemType)),
    key=lambda each: (each.status, each.name),
)
"""Every problem type, by status."""

BY_ERROR: Final[Mapping[type[Exception], ProblemType]] = {
    **{each.error: each for each in ALL if each.error is not None},
    errors.StoreFull: STORE_UNAVAILABLE,
    **dict.fromkeys(_NEVER_ANSWERED, INTERNAL_ERROR),
}

BY_STATUS: Final[Mapping[int, ProblemType]] = {
    each.status: each
    for each in (
        BAD_REQUEST,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        LENGTH_REQUIRED,
        BODY_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        URI_TOO_LONG,
        HEADERS_TOO_LARGE,
        INTERNAL_ERROR,
        NOT_IMPLEMENTED,
    )
}
"""What the framework and the web server refuse by themselves, known by its status alone."""


def type_of_status(status: int) -> ProblemType:
    """Return the type of an error known by its status alone; `about:blank` for a rare one."""
    rare = HTTPStatus(status)
    return BY_STATUS.get(status) or ProblemType(
        name="about:blank", status=status, title=rare.phrase
    )
