"""A job's record as Redis holds it, parsed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from callboard.jobs.clock import moment
from callboard.jobs.encoding import decode
from callboard.jobs.statuses import FINAL, Status
from callboard.jobs.submission import AfterPolicy

MAX_WAITING_FOR: Final = 20
"""Of how many jobs that one waits for its record tells."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is; every part may be unknown."""

    percent: float | None
    step: str | None
    current: int | None
    total: int | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """One job as it is now.

    Attributes:
        version: grows with each change.
        attempt: the number of the latest attempt, 0 before the first.
        max_attempts: how many attempts failures may cost; crashes and releases do not count.
        error: `{type, detail, …}` of the latest failure, if any.
        result: the decoded result when it is stored and small, else None.
        result_bytes: the result's encoded size; None while there is no result.
        result_file: the file that has a large result; None for one that Redis has.
        result_files: ids of the files that the result names.
        after: ids of the jobs that had to end before this one could start.
        after_policy: whether they had to succeed; None where there are none.
        depending: whether the job still waits for some of them.
        waiting_for: the first of those, at most `MAX_WAITING_FOR`.
    """

    id: str
    operation: str
    tenant: str
    queue: str
    status: Status
    version: int
    priority: int
    attempt: int
    failures: int
    crashes: int
    max_attempts: int
    created_at: datetime
    scheduled_for: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    progress: Progress
    blocked_on: str | None
    labels: Mapping[str, str]
    error: Mapping[str, Any] | None
    result: Any
    result_bytes: int | None
    batch_id: str | None
    retry_of: str | None
    request_id: str | None
    worker: str | None
    result_file: str | None = None
    result_files: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    after_policy: AfterPolicy | None = None
    depending: bool = False
    waiting_for: tuple[str, ...] = ()

    @property
    def final(self) -> bool:
        """Whether the job will never change again."""
        return self.status in FINAL

    @property
    def has_result(self) -> bool:
        """Whether the job ended with a result."""
        return self.status == "succeeded"

    @classmethod
    def parse(
        cls,
        job_id: str,
        fields: Mapping[str, str],
        text: Mapping[str, str],
        result: bytes = b"",
        waiting_for: Sequence[bytes] = (),
    ) -> Self:
        """Build a record from its two hashes, the beginning of its result, and what it waits for.

        Raises:
            KeyError: a field that every record has is missing.
        """
        result_bytes = int(fields["result_bytes"]) if "result_bytes" in fields else None
        whole = result_bytes is not None and len(result) > 0
        return cls(
            id=job_id,
            operation=fields["operation"],
            tenant=fields["tenant"],
            queue=fields["queue"],
            status=fields["status"],  # type: ignore[arg-type]
            version=int(fields["version"]),
            priority=int(fields["priority"]),
            attempt=int(fields["attempt"]),
            failures=int(fields["failures"]),
            crashes=int(fields["crashes"]),
            max_attempts=int(fields["max_retries"]) + 1,
            created_at=moment(fields["created_ms"]),
            scheduled_for=_moment(fields, "scheduled_ms"),
            started_at=_moment(fields, "started_ms"),
            finished_at=_moment(fields, "finished_ms"),
            expires_at=_moment(fields, "expires_ms"),
            progress=Progress(
                percent=float(fields["percent"]) if "percent" in fields else None,
                step=text.get("step"),
                current=int(fields["current"]) if "current" in fields else None,
                total=int(fields["total"]) if "total" in fields else None,
            ),
            blocked_on=fields.get("blocked_on"),
            labels=json.loads(text.get("labels", "{}")),
            error=json.loads(text["error"]) if "error" in text else None,
            result=decode(result) if whole else None,
            result_bytes=result_bytes,
            batch_id=fields.get("batch_id"),
            retry_of=fields.get("retry_of"),
            request_id=text.get("request_id"),
            worker=fields.get("worker"),
            result_file=fields.get("result_file"),
            result_files=tuple(json.loads(text.get("result_files", "[]"))),
            after=tuple(json.loads(text.get("after", "[]"))),
            after_policy=fields.get("after_policy"),  # type: ignore[arg-type]
            depending="depending" in fields,
            waiting_for=tuple(each.decode() for each in waiting_for),
        )


def pairs(flat: Sequence[bytes] | Mapping[bytes, bytes]) -> dict[str, str]:
    """Turn the reply of HGETALL into text, whichever protocol version it came by."""
    items = flat.items() if isinstance(flat, Mapping) else zip(flat[::2], flat[1::2], strict=True)
    return {name.decode(): value.decode("utf-8", "replace") for name, value in items}


def _moment(fields: Mapping[str, str], name: str) -> datetime | None:
    return moment(fields[name]) if name in fields else None
