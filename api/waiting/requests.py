"""Waits of requests: each in the name of its caller and until its client leaves."""

from collections.abc import Callable

from callboard.api.request import Caller, Request, holders_of
from callboard.api.waiting.events import Events, Until, Waited
from callboard.api.waiting.peer import peer_of


def wait_for(  # noqa: PLR0913 — whose wait, what for and how long
    events: Events,
    req: Request,
    job_id: str,
    read: Callable[[str, Caller], Waited],
    *,
    until: Until,
    timeout: float,
    known: Waited | None,
) -> Waited:
    """Wait for the status of a job or a batch; see `Events.wait`.

    Args:
        events: wait.
        req: whose caller waits.
        job_id: the job or batch.
        read: reads it as the caller sees it.
        until: returns whether a status is awaited.
        timeout: seconds.
        known: what the caller knows of it.
    """
    return events.wait(
        job_id,
        lambda: read(job_id, req.context.caller),
        until=until,
        timeout=timeout,
        known=known,
        peer=peer_of(req.env),
        holders=holders_of(req),
    )
