"""Read jobs: one round trip each."""

from collections.abc import Sequence
from typing import Any, Final

from jobs.encoding import decode
from jobs.errors import JobGone, JobNotFinished, JobNotFound
from jobs.record import Record, pairs
from jobs.store import Store
from jobs.submission import Submission

INLINE_BYTES: Final = 64 * 1024


def read(store: Store, job_id: str, *, tenant: str, inline_bytes: int = INLINE_BYTES) -> Record:
    """Read a job as it is now.

    Args:
        store: where it is.
        job_id: which one.
        tenant: whose; another tenant's job is not found.
        inline_bytes: a result up to this size comes with it.

    Raises:
        JobGone: it has expired or was removed.
        JobNotFound: there never was such a job, as far as this tenant may know.
        StoreUnavailable: Redis does not answer.
    """
    keys = store.keys
    # A stored result has one byte in front, and is never longer than its encoded size plus one.
    fields, text, result, tombstone = store.pipeline(
        ("HGETALL", keys("job", job_id)),
        ("HGETALL", keys("text", job_id)),
        ("GETRANGE", keys("result", job_id), 0, inline_bytes),
        ("ZSCORE", keys("tombstones"), job_id),
        atomic=True,
    )
    if not fields:
        raise (JobGone if tombstone is not None else JobNotFound)(f"There is no job {job_id}.")
    known = pairs(fields)
    if known["tenant"] != tenant:
        raise JobNotFound(f"There is no job {job_id}.")
    fits = int(known.get("result_bytes", inline_bytes + 1)) <= inline_bytes
    return Record.parse(job_id, known, pairs(text), result if fits else b"")


def read_result(store: Store, job_id: str) -> Any:
    """Read the whole result of a job that succeeded.

    Raises:
        JobNotFinished: it has none.
        StoreUnavailable: Redis does not answer.
    """
    (stored,) = store.pipeline(("GET", store.keys("result", job_id)))
    if stored is None:
        raise JobNotFinished(f"Job {job_id} has no result.")
    return decode(stored)


def read_mean_duration_ms(store: Store, operation: str) -> int | None:
    """Read what past runs of an operation took on average, or None before the first.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (mean,) = store.pipeline(("HGET", store.keys("stats", operation), "mean_ms"))
    return None if mean is None else int(mean)


def read_submissions(
    store: Store, job_ids: Sequence[str]
) -> dict[str, tuple[Submission, dict[str, str]]]:
    """Read what messages are made from: each job's submission and its short fields.

    Jobs that are gone are left out.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    commands: list[tuple[Any, ...]] = []
    for job_id in job_ids:
        commands.append(("HGETALL", store.keys("job", job_id)))
        commands.append(("HGETALL", store.keys("text", job_id)))
        commands.append(("GET", store.keys("params", job_id)))
    replies = store.pipeline(*commands) if commands else []
    found = {}
    for index, job_id in enumerate(job_ids):
        flat, text, params = replies[index * 3 : index * 3 + 3]
        if flat and params is not None:
            fields = pairs(flat)
            options = {**fields, **pairs(text)}
            submission = Submission.from_options(
                job_id, fields["operation"], decode(params), options
            )
            found[job_id] = (submission, fields)
    return found
