"""What a client may say when it submits a job, beside its parameters."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from api.problems import invalid_request
from jobs.rules import LONGEST_TTL, SHORTEST_TTL
from jobs.submission import DEFAULT_PRIORITY, HIGHEST_PRIORITY

LONGEST_DELAY: Final = timedelta(days=366)
MOST_LABELS: Final = 16
LONGEST_LABEL: Final = 256
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _check_time(value: object) -> object:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("must be a time as RFC 3339, such as 2030-01-31T12:00:00Z")
    return value


def _check_labels(labels: dict[str, str]) -> dict[str, str]:
    for name, value in labels.items():
        if not _LABEL.fullmatch(name):
            raise ValueError(f"the name {name!r} must be letters, digits, _ . - and at most 63")
        if len(value) > LONGEST_LABEL or not value.isprintable():
            raise ValueError(f"the value of {name!r} must be printable and at most 256 characters")
    return labels


class Submission(BaseModel):
    """The body of `POST /v1/jobs`."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    operation: str = Field(description="What to run; see `/v1/operations`.")
    params: dict[str, Any] = Field(description="The operation's parameters.")
    priority: int = Field(
        default=DEFAULT_PRIORITY, ge=0, le=HIGHEST_PRIORITY, description="Highest first."
    )
    labels: Annotated[dict[str, str], AfterValidator(_check_labels)] = Field(
        default_factory=dict, max_length=MOST_LABELS, description="Words to find the job by."
    )
    delay_seconds: float | None = Field(
        default=None, ge=0, le=LONGEST_DELAY.total_seconds(), description="Not before so long."
    )
    run_at: Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_check_time)] | None = (
        Field(default=None, description="Not before this time; one that is past means now.")
    )
    result_ttl_seconds: int | None = Field(
        default=None,
        ge=int(SHORTEST_TTL.total_seconds()),
        le=int(LONGEST_TTL.total_seconds()),
        description="How long the job is kept once it is final.",
    )

    @model_validator(mode="after")
    def _one_time(self) -> "Submission":
        if self.delay_seconds is not None and self.run_at is not None:
            raise ValueError("delay_seconds and run_at exclude each other")
        if self.run_at is not None and self.run_at > datetime.now(UTC) + LONGEST_DELAY:
            raise ValueError(f"run_at is more than {LONGEST_DELAY.days} days ahead")
        return self


def parse_submission(body: Any) -> Submission:
    """Check what a client sent.

    Raises:
        Problem: 422; each error has a JSON Pointer into the body.
    """
    try:
        return Submission.model_validate(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
    raise invalid_request(
        [(_pointer(each["loc"]), each["msg"].removeprefix("Value error, ")) for each in details]
    )


def _pointer(location: tuple[int | str, ...]) -> str:
    """Write a JSON Pointer (RFC 6901, section 3)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)
