"""Read jobs: one round trip each, and one more for a job that is not there."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from callboard.jobs.encoding import decode
from callboard.jobs.errors import JobGone, JobNotFound, NewerFormat
from callboard.jobs.record import MAX_WAITING_FOR, Record, pairs
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission, check_format

INLINE_BYTES: Final = 64 * 1024


class StatusSnapshot(NamedTuple):
    """What is published of each change, and can be looked at for many jobs."""

    status: str
    version: int


class Submitted(NamedTuple):
    """What a job's message is made from.

    Attributes:
        fields: the record's short fields.
        now_ms: when they were read, by the clock of Redis.
    """

    submission: Submission
    fields: dict[str, str]
    now_ms: int


def read(
    store: Store,
    job_id: str,
    *,
    tenant: str,
    others: bool = False,
    inline_bytes: int = INLINE_BYTES,
) -> Record:
    """Read a job as it is now.

    Args:
        store: the store.
        job_id: the job's id.
        tenant: whose; another tenant's job is not found.
        others: find other tenants' jobs as well; only of this tenant's it is said that they went.
        inline_bytes: a result up to this size comes with it.

    Raises:
        JobGone: it was this tenant's, and has expired or was removed.
        JobNotFound: there never was such a job, as far as this tenant may know.
        StoreUnavailable: Redis does not answer.
    """
    keys = store.keys
    # A full Redis refuses transactions. So the record comes first, and what follows is at least as
    # new; at the end it shows whether the job went meanwhile.
    # A stored result has one byte in front, and is never longer than its encoded size plus one.
    fields, text, result, waiting_for, there = store.pipeline(
        ("HGETALL", keys("job", job_id)),
        ("HGETALL", keys("text", job_id)),
        ("GETRANGE", keys("result", job_id), 0, inline_bytes),
        ("ZRANGE", keys("dependencies", job_id), 0, MAX_WAITING_FOR - 1),
        ("EXISTS", keys("job", job_id)),
    )
    if not fields or not there:
        (tombstone,) = store.pipeline(("ZSCORE", keys("tombstones"), f"{job_id} {tenant}"))
        raise (JobGone if tombstone is not None else JobNotFound)(f"No job has the id {job_id}.")
    known = pairs(fields)
    if known["tenant"] != tenant and not others:
        raise JobNotFound(f"No job has the id {job_id}.")
    fits = int(known.get("result_bytes", inline_bytes + 1)) <= inline_bytes
    return Record.parse(job_id, known, pairs(text), result if fits else b"", waiting_for)


def read_many(store: Store, job_ids: Sequence[str]) -> list[Record | None]:
    """Read jobs without their results, whoever they belong to; None for one that is gone.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    if not job_ids:
        return []
    commands: list[tuple[str | int, ...]] = []
    for job_id in job_ids:
        job, text = store.keys("job", job_id), store.keys("text", job_id)
        waiting_for = ("ZRANGE", store.keys("dependencies", job_id), 0, MAX_WAITING_FOR - 1)
        commands += [("HGETALL", job), ("HGETALL", text), waiting_for, ("EXISTS", job)]
    replies = iter(store.pipeline(*commands))
    return [
        Record.parse(job_id, pairs(fields), pairs(text), b"", others) if fields and there else None
        for job_id, fields, text, others, there in zip(job_ids, *[replies] * 4, strict=True)
    ]


def read_status_snapshots(store: Store, job_ids: Sequence[str]) -> list[StatusSnapshot | None]:
    """Look at many jobs, whoever they belong to; None for one that is gone.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    found = store.pipeline(
        *(("HMGET", store.keys("job", job_id), "status", "version") for job_id in job_ids)
    )
    return [
        None if status is None else StatusSnapshot(status.decode(), int(version))
        for status, version in found
    ]


def read_replay(
    store: Store, tenant: str, *, idempotency_digest: str, payload_fingerprint: str
) -> str | None:
    """Return the job that an Idempotency-Key made of the same payload, or None.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    key = store.keys("idempotency", tenant, idempotency_digest)
    ((kept, job_id),) = store.pipeline(("HMGET", key, "fingerprint", "job"))
    same = kept == payload_fingerprint.encode()
    return job_id.decode() if same and job_id is not None else None


def read_submissions(store: Store, job_ids: Sequence[str]) -> dict[str, Submitted]:
    """Read what messages are made from.

    Jobs that are gone are left out, and so are those that only a newer version can read.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    found = {}
    for job_id, stored in _read_stored(store, job_ids).items():
        with suppress(NewerFormat):
            found[job_id] = stored.submitted(job_id)
    return found


def read_submission(store: Store, job_id: str) -> Submitted | None:
    """Read what a job was made from; None when it is gone.

    Raises:
        NewerFormat: only a newer version can read it.
        StoreUnavailable: Redis does not answer.
    """
    stored = _read_stored(store, [job_id]).get(job_id)
    return None if stored is None else stored.submitted(job_id)


class _Stored(NamedTuple):
    fields: dict[str, str]
    text: dict[str, str]
    params: bytes
    now_ms: int

    def submitted(self, job_id: str) -> Submitted:
        options = {**self.fields, **self.text}
        check_format(options)
        submission = Submission.from_options(
            job_id, self.fields["operation"], decode(self.params), options
        )
        return Submitted(submission, self.fields, self.now_ms)


def _read_stored(store: Store, job_ids: Sequence[str]) -> dict[str, _Stored]:
    if not job_ids:
        return {}
    commands: list[tuple[Any, ...]] = [("TIME",)]
    for job_id in job_ids:
        commands.append(("HGETALL", store.keys("job", job_id)))
        commands.append(("HGETALL", store.keys("text", job_id)))
        commands.append(("GET", store.keys("params", job_id)))
    (seconds, micros), *replies = store.pipeline(*commands)
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    found = {}
    for index, job_id in enumerate(job_ids):
        flat, text, params = replies[index * 3 : index * 3 + 3]
        if flat and params is not None:
            found[job_id] = _Stored(pairs(flat), pairs(text), params, now_ms)
    return found
