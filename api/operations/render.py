"""The operation object."""

from typing import Annotated, Any

from pydantic import Field

from callboard.api.answer_types import (
    Address,
    Amount,
    Next,
    Positive,
    TypeAliasType,
    TypedDict,
    Whole,
)
from callboard.api.urls import Urls
from callboard.jobs.limit import Limit
from callboard.jobs.operation import Operation
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.operation_rules import Submitter
from callboard.jobs.rate_quota import Charge
from callboard.jobs.submission import OnConflict

JsonSchema = TypeAliasType(
    "JsonSchema",
    Annotated[dict[str, Any], Field(description="A JSON Schema of draft 2020-12.")],
)
Slots = TypeAliasType(
    "Slots",
    Annotated[
        dict[str, Positive], Field(description="Places that a job takes in shared resources.")
    ],
)


class SubmissionRateObject(TypedDict):
    """A number of submissions per period, in a burst or spread over it."""

    submissions: Positive
    window_seconds: Positive


class OperationLimitsObject(TypedDict):
    """The limits of an operation's jobs."""

    time_limit_seconds: Amount
    max_running: Annotated[
        Whole | None, Field(description="The declared limit; null if unlimited.")
    ]
    max_running_now: Annotated[
        Whole | None, Field(description="The limit in effect; null if unlimited or unknown.")
    ]
    max_running_per: Annotated[
        dict[str, Positive],
        Field(
            description="The declared limit for each tenant, or for each value of a parameter, by "
            "`tenant` or the parameter's name."
        ),
    ]
    max_active: Positive
    submission_rate: Annotated[
        SubmissionRateObject | None,
        Field(description="How many jobs each tenant may submit per period; null if unlimited."),
    ]
    capacity_groups: Annotated[
        dict[str, Positive],
        Field(description="How many jobs of each capacity group may be active, by its name."),
    ]
    max_retries: Whole
    slots: Slots


class OperationLinksObject(TypedDict):
    """URLs of an operation."""

    self: Address


class OperationObject(TypedDict):
    """A function that can run as a job."""

    name: str
    description: str
    parameters: JsonSchema
    result: JsonSchema
    paused: Annotated[
        bool | None,
        Field(description="Whether the operation is paused; null while Redis is unavailable."),
    ]
    waiting: Annotated[
        Whole | None,
        Field(
            description="Number of jobs that wait for the end of a pause or for a place; null "
            "while Redis is unavailable."
        ),
    ]
    limits: OperationLimitsObject
    unique: Annotated[
        bool,
        Field(
            description="Whether a submission with the parameters of an active job is a duplicate."
        ),
    ]
    on_conflict: OnConflict
    role: Annotated[Submitter, Field(description="The role that a caller needs to submit it.")]
    wait_seconds: Annotated[Amount, Field(description="How long a submission waits by default.")]
    result_ttl_seconds: Amount
    typical_duration_seconds: Amount | None
    links: OperationLinksObject


class OperationPageObject(TypedDict):
    """All operations, by name."""

    items: list[OperationObject]
    next: Next


def operation_object(
    operation: Operation,
    mean_ms: int | None,
    urls: Urls,
    now: Limit | None,
    *,
    waiting: int | None = None,
    limits: OperationLimits,
) -> OperationObject:
    """Render an operation.

    Args:
        operation: as declared.
        mean_ms: what past runs took; None before the first.
        urls: absolute addresses.
        now: the limit that counts now; None if unknown.
        waiting: how many jobs wait at it; None if unknown.
        limits: those of submissions, as they count for a tenant.
    """
    rules = operation.rules
    return {
        "name": operation.name,
        "description": operation.description,
        "parameters": operation.parameters.schema,
        "result": operation.parameters.result_schema,
        "paused": None if now is None else now.paused,
        "waiting": waiting,
        "limits": {
            "time_limit_seconds": rules.time_limit.total_seconds(),
            "max_running": rules.max_running,
            "max_running_now": None if now is None else now.places,
            "max_running_per": dict(rules.max_running_per),
            "max_active": rules.max_active,
            "submission_rate": _rate_object(limits.charge),
            "capacity_groups": {each.name: each.max_active for each in limits.groups},
            "max_retries": rules.max_retries,
            "slots": dict(rules.slots),
        },
        "unique": rules.unique or rules.unique_by is not None,
        "on_conflict": rules.on_conflict,
        "role": rules.role,
        "wait_seconds": rules.wait.total_seconds(),
        "result_ttl_seconds": rules.result_ttl.total_seconds(),
        "typical_duration_seconds": None if mean_ms is None else mean_ms / 1000,
        "links": {"self": urls.operation(operation.name)},
    }


def _rate_object(charge: Charge | None) -> SubmissionRateObject | None:
    if charge is None:
        return None
    return {"submissions": charge.rate.requests, "window_seconds": charge.rate.window_s}
