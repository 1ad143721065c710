"""A schedule, as declared: its job and its times."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from callboard.jobs.api_keys import TENANT
from callboard.jobs.errors import InvalidParameters, OperationFault, UnknownOperation
from callboard.jobs.fields import MAX_LABELS, Label, LabelValue, Priority
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.operation import Check, Operation
from callboard.jobs.registry import Registry
from callboard.jobs.schedules.cron import MAX_EXPRESSION_LENGTH, Cron, check_expression, zone_of
from callboard.jobs.submission import DEFAULT_PRIORITY
from callboard.jobs.user_code import log_fault
from callboard.jobs.validation_errors import MAX_MISFITS

Missed = Literal["once", "skip"]
Tenant = Annotated[str, StringConstraints(pattern=f"^{TENANT.pattern}$")]

NAME_PATTERN: Final = "[a-z0-9][a-z0-9_-]{0,63}"
LABEL: Final = "schedule"
"""The label that says which schedule made a job."""

_NAME: Final = re.compile(NAME_PATTERN)
_VERSION_AND_VARIANT: Final = (0x7 << 76) | (0b10 << 62)
_RANDOM: Final = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)


def _check_zone(name: str) -> str:
    zone_of(name)
    return name


class Schedule(BaseModel):
    """What is to be run, and when."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    cron: Annotated[
        str,
        AfterValidator(check_expression),
        WithJsonSchema({"type": "string", "format": "cron", "maxLength": MAX_EXPRESSION_LENGTH}),
    ] = Field(description="Minute, hour, day of month, month and day of week, as in cron.")
    timezone: Annotated[
        str,
        AfterValidator(_check_zone),
        WithJsonSchema({"type": "string", "format": "timezone"}),
    ] = Field(
        default="UTC", description="A time zone of the IANA database, such as `Europe/Berlin`."
    )
    operation: str = Field(max_length=64, description="The operation to run; see `/v1/operations`.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="The operation's parameters, the same for each job."
    )
    priority: Priority = Field(default=DEFAULT_PRIORITY, description="Higher priorities run first.")
    labels: dict[Label, LabelValue] = Field(
        default_factory=dict,
        max_length=MAX_LABELS - 1,
        description="Labels of its jobs; each job also has `schedule=<name>`.",
        json_schema_extra={"additionalProperties": False},
    )
    tenant: Tenant = Field(default="default", description="Whose its jobs are.")
    missed: Missed = Field(
        default="once",
        description="After a downtime, `once` creates one job for all missed ticks, `skip` none.",
    )

    @cached_property
    def times(self) -> Cron:
        """When its ticks are."""
        return Cron(self.cron, self.timezone)

    def complaints(
        self, registry: Registry, check: Check = Operation.validated
    ) -> list[tuple[str, str]]:
        """Return what would have its jobs refused: pairs of a JSON Pointer and what is wrong there.

        Args:
            registry: the operations.
            check: validates the parameters.

        Raises:
            OperationFault: the operation's own code failed, which is logged.
        """
        wrong = []
        if LABEL in self.labels:
            wrong.append((f"/labels/{LABEL}", "is the label that names the schedule itself"))
        try:
            check(registry.get(self.operation), self.params)
        except UnknownOperation as error:
            wrong.append(("/operation", str(error)))
        except InvalidParameters as error:
            wrong += [(f"/params{where}", detail) for where, detail in error.errors]
        except OperationFault as error:
            log_fault(error, self.operation)
            raise
        return wrong

    def fields(self) -> dict[str, str]:
        """Return what Redis keeps of it, all text."""
        dumped = self.model_dump()
        for name in ("params", "labels"):
            dumped[name] = json.dumps(dumped[name], allow_nan=False)
        return {name: str(value) for name, value in dumped.items()}

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> "Schedule":
        """Undo `fields`; nothing is checked again, since what was right may be wrong meanwhile."""
        known = {name: fields[name] for name in cls.model_fields}
        return cls.model_construct(
            **{
                **known,
                "params": json.loads(known["params"]),
                "priority": int(known["priority"]),
                "labels": json.loads(known["labels"]),
            }
        )


def is_name(text: str) -> bool:
    """Return whether a schedule can be called so."""
    return _NAME.fullmatch(text) is not None


def sentences(error: ValidationError) -> list[tuple[str, str]]:
    """Return what a model found wrong: pairs of a JSON Pointer and a sentence."""
    if error.error_count() > MAX_MISFITS:
        return [("", f"has {error.error_count()} errors")]
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return [(pointer_of(e["loc"]), e["msg"].removeprefix("Value error, ")) for e in details]


def job_id_of(namespace: str, name: str, tick: datetime) -> str:
    """Derive the id of a tick's job: whoever submits it, and however often, it is one job.

    It is a UUIDv7 (RFC 9562, section 5.7) with the tick's time; the random bits are of a hash.
    """
    tick_ms = round(tick.timestamp() * 1000)
    said = json.dumps([namespace, name, tick_ms]).encode()
    random = int.from_bytes(hashlib.sha256(said).digest()[:16], "big") & _RANDOM
    return str(UUID(int=tick_ms << 80 | _VERSION_AND_VARIANT | random))
