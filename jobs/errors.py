"""Every error of the core.

CallboardError
├── OperationError           a declaration is wrong
│   ├── UnknownOperation
│   └── ScheduleInvalid
├── InvalidParameters
├── OperationFault           an operation's own code failed before its function ran
├── Refused                  a submission was not accepted
│   ├── DuplicateJob
│   ├── IdempotencyMismatch
│   ├── FileMissing
│   ├── DependencyMissing
│   ├── BatchClosed
│   ├── RateExceeded
│   └── CapacityExceeded
├── JobNotFound
│   └── JobGone
├── BatchNotFound
│   └── BatchGone
├── JobNotFinished
├── JobActive
├── JobFinal
├── ConfirmationStale
├── DeliveryNotFound
├── DeliveryPending
├── FileNotFound
├── FileInUse
├── FileTooLarge
├── StorageFull
├── StorageUnavailable       files can be neither read nor written
├── ScheduleNotFound
├── ScheduleFromFile
├── TooManySchedules
├── NewerFormat              a newer version made it, and has to read it
├── StoreUnavailable         Redis is away, full or not durable
├── StoreUnfit               Redis is set up so that jobs are lost, or cannot be kept
├── Failure                  raised by a function: the job failed, for a reason to show
│   ├── ResultNotSerialisable
│   ├── ResultTooLarge
│   ├── FileGone
│   ├── OutOfMemory
│   └── Crashed              its process ended without an answer
└── Interrupted              the run ended because it was told to
    ├── Cancelled
    ├── TimedOut
    ├── LeaseLost
    └── ShutDown
Leaving (BaseException)      what Callboard itself raises in user code, which lets it pass
└── Interruption             what is raised inside a running function
"""
# long: one tree, whose sentences clients read

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Self

from callboard.config.duration import format_bytes
from callboard.jobs.rate_quota import Quota

MAX_DELAY: Final = timedelta(days=1)
"""The longest delay that a function can choose before its next attempt."""


class CallboardError(Exception):
    """Something in Callboard went wrong."""


class OperationError(CallboardError):
    """This operation is not declared correctly."""


class UnknownOperation(OperationError):
    """There is no operation with this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"No operation has the name {name!r}.")


class ScheduleInvalid(OperationError):
    """This schedule is not declared correctly."""


class InvalidParameters(CallboardError):
    """The parameters do not fit the operation's schema."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        """Keep what is wrong.

        Args:
            errors: pairs of a JSON Pointer into the parameters and what is wrong there.
        """
        self.errors: Final = tuple(errors)
        super().__init__("; ".join(f"{pointer or '/'}: {detail}" for pointer, detail in errors))


class OperationFault(CallboardError):
    """The operation's own code failed on this request; the fault is the operation's."""

    def __init__(self, text: str, *, exception: str = "", stack: str = "") -> None:
        """Say which code failed.

        Args:
            text: for the caller.
            exception: the name of what was raised, for the log.
            stack: where that was, for the log.
        """
        super().__init__(text)
        self.exception: Final = exception
        self.stack: Final = stack

    @classmethod
    def of(cls, operation: str, task: str, error: BaseException, *, stack: str = "") -> Self:
        """Say which code failed, without what it said: that may be anything.

        Args:
            operation: whose code it is.
            task: what the code was to do.
            error: what it raised.
            stack: where.
        """
        name = type(error).__name__
        text = f"The operation {operation!r} failed to {task}: its code raised {name}."
        return cls(text, exception=name, stack=stack)


class Refused(CallboardError):
    """The submission was not accepted; nothing was written, except that it was counted."""

    quota: Quota | None = None
    """What is left of its tenant's quota of requests, where there is one."""
    submission_quota: Quota | None = None
    """The same of the quota of submissions of its operation."""


class DuplicateJob(Refused):
    """A job with the same parameters is already active."""

    def __init__(self, job_id: str, status: str) -> None:
        self.job_id = job_id
        self.status = status
        super().__init__("A job of this operation with the same parameters is already active.")


class IdempotencyMismatch(Refused):
    """This Idempotency-Key was used before, with another payload."""


class FileMissing(Refused):
    """A file that the parameters name does not exist, or no longer does."""

    def __init__(self, file_id: str) -> None:
        self.file_id = file_id
        super().__init__(f"No file has the id {file_id}.")


class DependencyMissing(Refused):
    """A job that this one should wait for does not exist, or no longer does."""

    def __init__(self, job_id: str, index: int) -> None:
        """Name the job.

        Args:
            job_id: its id.
            index: its place in `after`, from 0.
        """
        self.job_id = job_id
        self.index = index
        super().__init__(f"No job has the id {job_id}.")


class BatchClosed(Refused):
    """The batch took no more jobs: it was cancelled, or its submission had broken off."""

    def __init__(self) -> None:
        super().__init__(
            "This item created no job; submit it in another batch if you still need it."
        )


class RateExceeded(Refused):
    """There were more requests, or submissions of an operation, than a quota allows for now."""

    def __init__(self, violated: Quota) -> None:
        self.violated: Final = violated
        rate, (counted, _, operation) = violated.rate, violated.policy.partition(":")
        what = f"{counted} of {operation}" if operation else counted
        super().__init__(f"All {rate.requests} {what} per {rate.window_s} s are used up.")


class CapacityExceeded(Refused):
    """There are as many active jobs as the server, the operation or a capacity group allows."""

    def __init__(self, scope: str, group: str | None = None) -> None:
        """Say whose capacity it is.

        Args:
            scope: `server`, `operation` or `group`.
            group: the group's name.
        """
        self.scope = scope
        self.group = group
        whose = f"The capacity group {group}" if group else f"The {scope}"
        super().__init__(f"{whose} has as many active jobs as it allows.")


class JobNotFound(CallboardError):
    """No job has this id."""


class JobGone(JobNotFound):
    """This job has expired or was removed."""


class BatchNotFound(CallboardError):
    """No batch has this id."""


class BatchGone(BatchNotFound):
    """The batch that this key made is gone."""


class JobNotFinished(CallboardError):
    """This job has no result yet."""


class JobActive(CallboardError):
    """This job is still active; cancel it first, or wait until it has ended."""


class JobFinal(CallboardError):
    """This job has ended, so there is nothing to cancel."""


class ConfirmationStale(CallboardError):
    """This confirmation is not, or no longer, good for this job."""


class DeliveryNotFound(CallboardError):
    """No callback has this id."""


class DeliveryPending(CallboardError):
    """This callback is just being delivered."""


class FileNotFound(CallboardError):
    """No file has this id."""


class FileInUse(CallboardError):
    """Jobs use this file; it goes when they are gone."""


class FileTooLarge(CallboardError):
    """The file is larger than files may be."""


class StorageFull(CallboardError):
    """This tenant's files take as much room as they may."""


class StorageUnavailable(CallboardError):
    """Files can be neither read nor written at the moment; nothing is lost."""


class ScheduleNotFound(CallboardError):
    """There is no schedule with this name."""


class ScheduleFromFile(CallboardError):
    """This schedule stands in the server's file; it can be paused here, and changed there."""


class TooManySchedules(CallboardError):
    """There are as many schedules as this server takes."""


class NewerFormat(CallboardError):
    """This job was made by a newer version than the one that answers."""

    def __init__(self, made_as: int) -> None:
        """Keep what it was made as.

        Args:
            made_as: the number of its format.
        """
        self.made_as = made_as
        super().__init__(f"The job has the format {made_as}, which only newer versions read.")


class StoreUnavailable(CallboardError):
    """Jobs can be neither read nor written at the moment; nothing is lost."""


class StoreFull(StoreUnavailable):
    """Redis has no memory left for changes that need more; other changes may succeed."""


class StoreUnfit(CallboardError):
    """Redis is set up in a way that can lose jobs, or without our database."""


class Failure(CallboardError):
    """The function says that its job failed, with a sentence for the one who asked for it."""

    kind = "failure"

    def __init__(self, detail: str, *, retryable: bool = True) -> None:
        """Fail the job.

        Args:
            detail: what the caller reads.
            retryable: whether another attempt may do better.
        """
        self.detail = detail
        self.retryable = bool(retryable)  # which NumPy's is not
        super().__init__(detail)


class RetryAfter(Failure):
    """The function asks to be run again after a time that it knows."""

    def __init__(self, delay: float | timedelta | str | None, detail: str = "") -> None:
        """Fail this attempt, and choose when the next one begins, if there are retries left.

        Args:
            delay: seconds, or the value of a `Retry-After` header that the function was given:
                seconds or a date. At most a day. The operation's `backoff` decides where there is
                none, or none that can be read.
            detail: what the caller reads.

        Raises:
            ValueError: the delay is no number.
        """
        self.delay: Final = _delay_of(delay)
        super().__init__(detail or "The function asked to be run again later.")


class ResultNotSerialisable(Failure):
    """What the function returned cannot be sent as JSON or msgpack."""

    kind = "result-not-serialisable"


class ResultTooLarge(Failure):
    """What the function returned is larger than results may be."""

    kind = "result-too-large"


class FileGone(Failure):
    """A file that the job uses no longer exists."""

    kind = "file-gone"


class OutOfMemory(Failure):
    """The function needed more memory than it may have."""

    kind = "out-of-memory"

    @classmethod
    def of(cls, limit_bytes: int | None) -> Self:
        """Say how much it may have, where that is known."""
        if limit_bytes is None:
            return cls("The machine did not have enough memory for the function.")
        limit = format_bytes(limit_bytes)
        return cls(f"The function needed more memory than its limit of {limit}.")


class Crashed(Failure):
    """The function's process ended before the function did."""

    kind = "crashed"


class Interrupted(CallboardError):
    """The run ended because it was told to."""


class Cancelled(Interrupted):
    """The job was cancelled."""


class TimedOut(Interrupted):
    """The function ran longer than its time limit."""


class LeaseLost(Interrupted):
    """The job is no longer this worker's; another one may run it."""


class ShutDown(Interrupted):
    """The worker stops; another one runs the job."""


class Leaving(BaseException):
    """Raised by Callboard itself wherever user code runs; whoever catches all lets it pass."""


class Interruption(Leaving):
    """Raised inside a running function that is to stop; let it pass, or clean up and re-raise."""

    def __init__(self, cause: Interrupted | None = None) -> None:
        self.cause = cause or Cancelled("The job was told to stop.")
        super().__init__(str(self.cause))


def _delay_of(wanted: float | timedelta | str | None) -> timedelta | None:
    delay = _delay_in(wanted) if isinstance(wanted, str) else wanted
    if delay is None:
        return None
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else float(delay)
    if math.isnan(seconds):
        raise ValueError("A delay is a number of seconds.")
    return timedelta(seconds=max(0.0, min(MAX_DELAY.total_seconds(), seconds)))


def _delay_in(header: str) -> float | timedelta | None:
    """Read the value of a `Retry-After` header (RFC 9110, section 10.2.3)."""
    header = header.strip()
    if header.isascii() and header.isdigit():
        return int(header[:9])
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)
