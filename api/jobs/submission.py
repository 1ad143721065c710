"""The body of a submission, except its parameters."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from callboard.api.bodies import MAX_MEMBERS, check_members
from callboard.api.callback_policy import JobCallback
from callboard.api.problems.problem import invalid_request
from callboard.api.times import TIME_IN_YEAR, Time
from callboard.jobs.fields import MAX_LABELS, Label, LabelValue, Whole, whole
from callboard.jobs.ids import JOB_ID_PATTERN
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.operation_rules import MAX_TTL, MIN_TTL
from callboard.jobs.submission import DEFAULT_PRIORITY, HIGHEST_PRIORITY, MAX_AFTER, AfterPolicy

MAX_DELAY: Final = timedelta(days=366)
MAX_NAME_LENGTH: Final = 64
_MS: Final = timedelta(milliseconds=1)
_FIRST_DECADE: Final = 197
_KEY: Final = "[key]"  # pydantic's location of a member's name


def _latest_year() -> int:
    return datetime.now(UTC).year + 1


def _bound_years(schema: dict[str, Any]) -> None:
    """Say in a schema what `Time` and `_latest_year` check; the year is the one as written."""
    decade, year = divmod(_latest_year(), 10)
    years = [f"{each}[0-9]" for each in range(_FIRST_DECADE, decade)] + [f"{decade}[0-{year}]"]
    time, null = schema["anyOf"]
    pattern = f"^(?:{'|'.join(years)}){TIME_IN_YEAR}$"
    schema["anyOf"] = [{**time, "pattern": pattern}, null]


TtlSeconds = Annotated[
    int,
    Field(ge=int(MIN_TTL.total_seconds()), le=int(MAX_TTL.total_seconds())),
    BeforeValidator(whole),
]


EarlierJob = Annotated[str, Field(pattern=f"^{JOB_ID_PATTERN}$")]
EarlierItem = Annotated[str, Field(pattern=f"^(?:{JOB_ID_PATTERN}|#(?:0|[1-9][0-9]{{0,2}}))$")]


class SubmissionBody(BaseModel):
    """The body of `POST /v1/jobs`."""

    # The schema generated from this contains all checks.
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        frozen=True,
    )

    operation: str = Field(
        max_length=MAX_NAME_LENGTH, description="The operation to run; see `/v1/operations`."
    )
    params: dict[str, Any] = Field(description="The operation's parameters.")
    priority: Whole = Field(
        default=DEFAULT_PRIORITY,
        ge=0,
        le=HIGHEST_PRIORITY,
        description="Higher priorities run first.",
    )
    labels: dict[Label, LabelValue] = Field(
        default_factory=dict,
        max_length=MAX_LABELS,
        description="Labels to find the job by.",
        json_schema_extra={"additionalProperties": False},
    )
    delay_seconds: float | None = Field(
        default=None,
        ge=0,
        le=MAX_DELAY.total_seconds(),
        description="Delay in seconds before the job may start.",
    )
    run_at: Time | None = Field(
        default=None,
        description="The job does not start before this time, in this year or the next; a "
        "past time means now. With a delay as well, the later time applies.",
        json_schema_extra=_bound_years,
    )
    result_ttl_seconds: TtlSeconds | None = Field(
        default=None, description="How many seconds the job is kept once it is final."
    )
    callback: JobCallback | None = Field(
        default=None, description="Where to deliver the job's events."
    )
    after: list[EarlierJob] = Field(
        default_factory=list,
        max_length=MAX_AFTER,
        description="Ids of jobs that must have ended before this one starts.",
    )
    after_policy: AfterPolicy = Field(
        default="succeeded",
        description="`succeeded`: if a job in `after` fails, is cancelled or is lost, this one is "
        "cancelled. `finished`: this one starts however those ended.",
    )

    @model_validator(mode="after")
    def _soon_enough(self) -> "SubmissionBody":
        if self.run_at is not None and self.run_at.year > _latest_year():
            raise ValueError("run_at is later than the end of next year")
        return self


class BatchItem(SubmissionBody):
    """An item of `POST /v1/batches`."""

    after: list[EarlierItem] = Field(default_factory=list, max_length=MAX_AFTER)


def parse_submission(
    body: Any,
    *,
    model: type[SubmissionBody] = SubmissionBody,
    place: Callable[[tuple[int | str, ...]], str] = pointer_of,
) -> SubmissionBody:
    """Validate the body.

    Args:
        body: JSON-like.
        model: what to validate with.
        place: returns where in the request a member was.

    Raises:
        Problem: 422; each error has a JSON Pointer into the body, or the result of `place`.
    """
    check_members(body, place(()))
    labels = body.get("labels")
    if isinstance(labels, dict) and len(labels) > MAX_MEMBERS:
        raise invalid_request([(place(("labels",)), f"has more than {MAX_LABELS} labels")])
    try:
        return model.model_validate(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
    raise invalid_request([(place(_member(each["loc"])), _sentence(each)) for each in details])


def chosen_fields(asked: SubmissionBody, now_ms: Callable[[], int]) -> dict[str, Any]:
    """Map the body to the fields of the job's submission, without its callback.

    Args:
        asked: the body.
        now_ms: returns the time of Redis' clock; called only for a delay.
    """
    fields: dict[str, Any] = {"priority": asked.priority, "labels": asked.labels}
    if asked.result_ttl_seconds is not None:
        fields["result_ttl"] = timedelta(seconds=asked.result_ttl_seconds)
    if asked.after:
        fields |= {"after": tuple(asked.after), "after_policy": asked.after_policy}
    if due := _due_ms(asked, now_ms):
        fields["scheduled_ms"] = max(due)
    return fields


def _due_ms(asked: SubmissionBody, now_ms: Callable[[], int]) -> list[int]:
    due = []
    if asked.delay_seconds:
        delay = timedelta(seconds=asked.delay_seconds)
        due.append(now_ms() + delay // _MS)
    if asked.run_at is not None:
        due.append(math.ceil(asked.run_at.timestamp() * 1000))
    return due


def _sentence(detail: ErrorDetails) -> str:
    if detail["type"] != "string_pattern_mismatch":
        return detail["msg"].removeprefix("Value error, ")
    if detail["loc"][:1] == ("after",):
        return "must be the id of a job"
    if "labels" not in detail["loc"]:
        return "must begin with https://"
    if detail["loc"][-1] == _KEY:
        return "the name of a label must be letters, digits, _ . - and at most 63 characters"
    return "must have at most 256 characters, no control characters and no line breaks"


def _member(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    of_name = location[-1:] == (_KEY,) and len(location) > 2  # noqa: PLR2004 — labels, name, word
    return location[:-1] if of_name else location
