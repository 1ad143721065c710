"""progress: record how far a running job is, and its log lines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from callboard.jobs.fence import Fence
from callboard.jobs.store import Store


@dataclass(frozen=True)
class LogBounds:
    """How much log a job keeps; the oldest lines go first."""

    lines: int = 1000
    bytes: int = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class ProgressReport:
    """What changed since the last report; None and empty mean unchanged.

    Attributes:
        state: what the function saved, encoded; `progress` does not record it.
    """

    percent: float | None = None
    current: int | None = None
    total: int | None = None
    step: str = ""
    lines: Sequence[str] = ()
    state: bytes | None = None


def progress(
    store: Store, fence: Fence, report: ProgressReport, *, bounds: LogBounds
) -> Literal["recorded", "stale"]:
    """Record a report, if the attempt still holds its lease.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    fields = {"percent": report.percent, "current": report.current, "total": report.total}
    answer = store.run(
        "progress_job",
        store.keys("job", fence.job_id),
        job_id=fence.job_id,
        attempt=fence.attempt,
        token=fence.token,
        fields=json.dumps(
            {name: str(value) for name, value in fields.items() if value is not None}
        ),
        step=report.step,
        lines=json.dumps(list(report.lines)),
        max_lines=bounds.lines,
        max_bytes=bounds.bytes,
    )
    return cast("Literal['recorded', 'stale']", answer.word)
