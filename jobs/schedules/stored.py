"""A schedule as Redis holds it, and what became of its latest tick."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self, cast

from callboard.jobs.clock import moment
from callboard.jobs.schedules.schedule import Schedule

Source = Literal["file", "api"]
TickOutcome = Literal[
    "submitted",
    "duplicate",
    "full",
    "invalid-parameters",
    "unknown-operation",
    "refused",
    "skipped",
]


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What became of a tick.

    Attributes:
        at: its time, at which it may have been taken later.
        job_id: of its job, or of the one that it would have been a duplicate of.
        detail: why there is no job.
    """

    at: datetime
    outcome: TickOutcome
    job_id: str | None = None
    detail: str | None = None

    def fields(self) -> dict[str, str]:
        """Return what Redis keeps of it."""
        optional = {"last_job": self.job_id, "last_detail": self.detail}
        known = {name: value for name, value in optional.items() if value is not None}
        return {"last_tick_ms": str(in_ms(self.at)), "last_outcome": self.outcome, **known}


@dataclass(frozen=True, kw_only=True)
class StoredSchedule:
    """A schedule as it is now.

    Attributes:
        revision: grows with each change that is not a tick.
        next_at: its next tick; while it is paused, one that does not come.
        last: what became of the latest tick that was taken.
    """

    name: str
    schedule: Schedule
    source: Source
    paused: bool
    revision: int
    next_at: datetime
    last: Tick | None

    @classmethod
    def parse(cls, name: str, fields: Mapping[str, str]) -> Self:
        """Build it from its hash."""
        last = None
        if "last_tick_ms" in fields:
            last = Tick(
                at=moment(fields["last_tick_ms"]),
                outcome=cast("TickOutcome", fields["last_outcome"]),
                job_id=fields.get("last_job"),
                detail=fields.get("last_detail"),
            )
        return cls(
            name=name,
            schedule=Schedule.from_fields(fields),
            source=cast("Source", fields["source"]),
            paused=fields["paused"] == "1",
            revision=int(fields["revision"]),
            next_at=moment(fields["next_ms"]),
            last=last,
        )


def in_ms(at: datetime) -> int:
    """Return milliseconds since 1970."""
    return round(at.timestamp() * 1000)
