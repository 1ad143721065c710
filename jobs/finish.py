"""finish: record a run's outcome and the job's final status in one step."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from callboard.jobs.encoding import encode
from callboard.jobs.errors import ResultNotSerialisable, ResultTooLarge
from callboard.jobs.fence import Fence
from callboard.jobs.store import Store

Word = Literal["finished", "stale", "ended", "missing", "lost"]


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: with an encoded result, or with an error.

    Attributes:
        result: the encoded result for Redis; empty if a file holds it.
        result_bytes: its size before compression.
        result_file: the id of the file that has a large result; empty when Redis holds it.
        files: ids of the files that the result names.
    """

    result: bytes = b""
    result_bytes: int = 0
    error: Mapping[str, Any] | None = None
    result_file: str = ""
    files: tuple[str, ...] = ()


def encode_result(value: Any, *, max_bytes: int) -> RunOutcome:
    """Encode what a function returned, before anything is recorded.

    Raises:
        ResultNotSerialisable: something in it is not JSON-like.
        ResultTooLarge: it takes more than `max_bytes`.
    """
    try:
        stored, size = encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ResultNotSerialisable(
            f"The result cannot be sent: {error}", retryable=False
        ) from error
    if size > max_bytes:
        raise ResultTooLarge(
            f"The result takes {size} bytes; {max_bytes} are allowed.", retryable=False
        )
    return RunOutcome(stored, size)


def finish(store: Store, fence: Fence, outcome: RunOutcome) -> Word:
    """Record the outcome of an attempt; at most one attempt of a job can do this.

    Returns:
        finished, also when repeated; stale, when the lease was lost; ended, when another
        attempt ended the job; missing, when Redis lost the record; lost, when it lost that of a
        file, so that this outcome cannot be.

    Raises:
        StoreUnavailable: Redis does not answer; try again, with the same outcome.
    """
    failed = outcome.error is not None
    answer = store.run(
        "finish_job",
        store.keys("job", fence.job_id),
        job_id=fence.job_id,
        attempt=fence.attempt,
        token=fence.token,
        outcome="failed" if failed else "succeeded",
        result=outcome.result,
        result_bytes=outcome.result_bytes,
        result_file=outcome.result_file,
        files=json.dumps(outcome.files),
        error=json.dumps(outcome.error) if failed else "",
    )
    return cast("Word", answer.word)
