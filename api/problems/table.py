"""The one table from errors to the types of problems that they are answered with."""

from collections.abc import Mapping
from typing import Any, Final

from callboard.api.problems import kinds
from callboard.api.problems.kinds import INTERNAL_ERROR, QUOTA_EXCEEDED, REDUCED_CAPACITY, Kind
from callboard.jobs import errors


def _kind(
    error: type[Exception],
    name: str,
    status: int,
    **more: Any,  # fields of `Kind`
) -> tuple[type[Exception], Kind]:
    """Make the kind of an error, whose docstring is the title."""
    return error, Kind(name, status, (error.__doc__ or "").partition("\n")[0], **more)


def _never(error: type[Exception]) -> tuple[type[Exception], Kind]:
    """Say that an error is not a web process's to raise: if one comes, it is a fault of ours."""
    return error, INTERNAL_ERROR


TABLE: Final[Mapping[type[Exception], Kind]] = dict(
    (
        _kind(errors.UnknownOperation, "unknown-operation", 404),
        _kind(errors.InvalidParameters, "invalid-parameters", 422),
        _kind(errors.OperationFault, "operation-fault", 500),
        _kind(errors.DuplicateJob, "duplicate-job", 409),
        _kind(errors.IdempotencyMismatch, "idempotency-mismatch", 422),
        _kind(errors.RateExceeded, QUOTA_EXCEEDED, 429),
        _kind(
            errors.CapacityExceeded,
            REDUCED_CAPACITY,
            503,
            code="CAPACITY_EXCEEDED",
            retry_after_s=60,
        ),
        _kind(errors.JobNotFound, "job-not-found", 404),
        _kind(errors.JobGone, "job-gone", 410),
        _kind(errors.BatchNotFound, "batch-not-found", 404),
        _kind(errors.BatchGone, "batch-gone", 410),
        _kind(errors.BatchClosed, "batch-closed", 409),
        _kind(errors.JobNotFinished, "job-not-finished", 409),
        _kind(errors.JobActive, "job-active", 409),
        _kind(errors.JobFinal, "job-final", 409),
        _kind(errors.ConfirmationStale, "confirmation-stale", 409),
        _kind(errors.DeliveryNotFound, "delivery-not-found", 404),
        _kind(errors.DeliveryPending, "delivery-pending", 409, retry_after_s=60),
        _kind(errors.FileMissing, "file-missing", 422),
        _kind(errors.FileNotFound, "file-not-found", 404),
        _kind(errors.FileInUse, "file-in-use", 409),
        _kind(errors.FileTooLarge, "file-too-large", 413),
        _kind(errors.StorageFull, "storage-full", 413, retry_after_s=60),
        _kind(
            errors.StorageUnavailable,
            REDUCED_CAPACITY,
            503,
            code="STORAGE_UNAVAILABLE",
            retry_after_s=5,
        ),
        _kind(
            errors.StoreUnavailable,
            REDUCED_CAPACITY,
            503,
            code="STORE_UNAVAILABLE",
            retry_after_s=5,
        ),
        _kind(errors.NewerFormat, REDUCED_CAPACITY, 503, code="NEWER_FORMAT", retry_after_s=60),
        _kind(errors.ScheduleNotFound, "schedule-not-found", 404),
        _kind(errors.ScheduleFromFile, "schedule-from-file", 409),
        _kind(errors.TooManySchedules, "too-many-schedules", 409),
        _never(errors.OperationError),
        _never(errors.ScheduleInvalid),
        _never(errors.Refused),
        _never(errors.StoreUnfit),
        _never(errors.Failure),
        _never(errors.RetryAfter),
        _never(errors.ResultNotSerialisable),
        _never(errors.ResultTooLarge),
        _never(errors.FileGone),
        _never(errors.OutOfMemory),
        _never(errors.Crashed),
        _never(errors.Interrupted),
        _never(errors.Cancelled),
        _never(errors.TimedOut),
        _never(errors.LeaseLost),
        _never(errors.ShutDown),
    )
)


def every_kind() -> list[Kind]:
    """Give every kind that has a page, each once, by status."""
    ours = [each for each in vars(kinds).values() if isinstance(each, Kind)]
    return sorted(
        dict.fromkeys([*ours, *TABLE.values()]), key=lambda each: (each.status, each.name)
    )
