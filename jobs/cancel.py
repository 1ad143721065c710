"""cancel: end a waiting job, or ask a running one to stop; in one step or in two."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from callboard.jobs.clock import milliseconds, moment
from callboard.jobs.errors import ConfirmationStale, JobFinal, JobNotFound
from callboard.jobs.store import Store

Word = Literal["cancelled", "cancelling", "ended", "missing"]

CONFIRM_WITHIN: Final = timedelta(minutes=5)
_USED_KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Confirmation:
    """The token with which a caller confirms a cancel.

    Attributes:
        token: Redis stores only a digest of it with the job and the caller.
        expires_at: by the clock of Redis.
    """

    token: str
    expires_at: datetime


def cancel(store: Store, job_id: str, *, tenant: str | None = None, force: bool = False) -> Word:
    """Cancel a job in one step; repeating it is always safe.

    Args:
        store: where the job is.
        job_id: the job's id.
        tenant: the tenant that it must belong to; None for any.
        force: end its function at once, if its isolation allows that; a later
            cancel without it does not undo this.

    Returns:
        cancelled, if it was final at once; cancelling, if its worker was notified; ended, if
        it was final before; missing, if the tenant has no such job.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    return cast("Word", _cancel(store, job_id, "", tenant, force=force))


def ask_cancel(store: Store, job_id: str, *, caller: str, token: str | None = None) -> Confirmation:
    """Create a confirmation for a cancel; the job does not change.

    Args:
        store: where the job is.
        job_id: the job's id.
        caller: the caller, who alone can use the confirmation.
        token: the token; by default a random one.

    Raises:
        JobFinal: there is nothing to cancel.
        JobNotFound: there is no such record.
        StoreUnavailable: Redis does not answer.
    """
    token = token or secrets.token_urlsafe(24)
    answer = store.run(
        "ask_cancel",
        store.keys("job", job_id),
        job_id=job_id,
        confirmation=_digest(token, job_id, caller),
        lasts_ms=milliseconds(CONFIRM_WITHIN),
    )
    if answer.word == "ended":
        raise JobFinal(f"Job {job_id} has ended.")
    if answer.word == "missing":
        raise JobNotFound(f"No job has the id {job_id}.")
    return Confirmation(token, moment(answer.values[0]))


def confirm_cancel(
    store: Store, job_id: str, token: str, *, caller: str, tenant: str | None = None
) -> Word:
    """Cancel a job with a token of `ask_cancel`; repeating the token has the same result.

    Of a concurrent confirmation and finish, one wins, and the other learns of it.

    Args:
        store: where the job is.
        job_id: the job's id.
        token: the confirmation's.
        caller: the caller who asked for it.
        tenant: the tenant that the job must belong to; None for any.

    Returns:
        cancelled, if the job is final now; cancelling, if its worker was notified.

    Raises:
        ConfirmationStale: the token is unknown, of another caller or another job, or
            expired.
        JobFinal: the job ended before this token was used.
        JobNotFound: the tenant has no such job.
        StoreUnavailable: Redis does not answer.
    """
    word = _cancel(store, job_id, _digest(token, job_id, caller), tenant)
    match word:
        case "stale":
            raise ConfirmationStale("To get a new one, send the request without a body.")
        case "ended":
            raise JobFinal(f"Job {job_id} has ended.")
        case "missing":
            raise JobNotFound(f"No job has the id {job_id}.")
    return cast("Word", word)


def _cancel(
    store: Store, job_id: str, confirmation: str, tenant: str | None, *, force: bool = False
) -> str:
    answer = store.run(
        "cancel_job",
        store.keys("job", job_id),
        job_id=job_id,
        tenant=tenant or "",
        confirmation=confirmation,
        kept_ms=milliseconds(_USED_KEPT),
        force=int(force),
    )
    return answer.word


def _digest(token: str, job_id: str, caller: str) -> str:
    return hashlib.sha256(json.dumps([token, job_id, caller]).encode()).hexdigest()
