"""claim: claim one queued job for one worker."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, cast

from callboard.jobs.clock import milliseconds
from callboard.jobs.errors import NewerFormat
from callboard.jobs.fence import Fence
from callboard.jobs.store import Store
from callboard.jobs.submission import FORMAT

Word = Literal["claimed", "blocked", "taken", "ended", "missing"]


@dataclass(frozen=True)
class Claim:
    """The result of a claim; only a claimed one has a fence.

    Attributes:
        word: claimed; blocked, when it waits in Redis and will be woken; taken, when another
            attempt runs; ended, when it is final; missing, when Redis has no such record.
        failures: the number of failed attempts before.
        retry_delay: how long the job waited after the last of them; None if there was none.
    """

    word: Word
    fence: Fence | None = None
    failures: int = 0
    crashes: int = 0
    retry_delay: timedelta | None = None


def claim(
    store: Store,
    job_id: str,
    *,
    token: str,
    worker: str,
    lease: timedelta,
    limits: Mapping[str, int],
) -> Claim:
    """Claim a job for the delivery that `token` was drawn for.

    Of two workers racing for one job exactly one claims it; the same token claims it again.

    Args:
        store: the store.
        job_id: the job's id.
        token: a random token for each delivery of a message.
        worker: the worker that runs it.
        lease: how long the claim lasts without a renewal.
        limits: the declared places of the job's slots, written if none are set.

    Raises:
        NewerFormat: a newer version created it and must run it.
        StoreUnavailable: Redis does not answer; nothing may run until it does.
    """
    answer = store.run(
        "claim_job",
        store.keys("job", job_id),
        job_id=job_id,
        token=token,
        worker=worker,
        lease_ms=milliseconds(lease),
        newest_format=FORMAT,
        limits=json.dumps({slot: str(places) for slot, places in limits.items()}),
    )
    if answer.word == "newer":
        raise NewerFormat(int(answer.values[0]))
    if answer.word != "claimed":
        return Claim(cast("Word", answer.word))
    attempt, failures, crashes = (int(value) for value in answer.values[:3])
    delay_ms = answer.values[3]
    return Claim(
        "claimed",
        Fence(job_id, attempt, token),
        failures,
        crashes,
        timedelta(milliseconds=int(delay_ms)) if delay_ms else None,
    )
