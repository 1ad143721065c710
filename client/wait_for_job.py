"""Follows a job to its end: by waiting requests, or by its event stream."""

import time
from collections.abc import Iterator
from typing import Final, cast

import httpx

from callboard.client.answer_types import JobObject
from callboard.client.errors import Problem, ServerAway, StrangeAnswer
from callboard.client.responses import retry_after
from callboard.client.server_events import Event, EventParser
from callboard.client.transport import LATER, Patience, Transport

FINAL: Final = frozenset({"succeeded", "failed", "cancelled"})
WAIT_SECONDS: Final = 30
MAX_RETRY_AFTER_SECONDS: Final = 30.0
RECONNECT_MS: Final = 1000
EVENT_STREAM: Final = "text/event-stream"


def look(
    transport: Transport, path: str, *, wait: int = 0, patience: Patience | None = None
) -> httpx.Response:
    """Read a job; with `wait`, once its status has changed or after that many seconds."""
    headers = {"Prefer": f"wait={wait}"} if wait > 0 else {}
    return transport.ask("GET", path, headers=headers, patience=patience)


def wait_for(transport: Transport, path: str, timeout: float | None) -> JobObject:
    """Wait until a job is final.

    Raises:
        TimeoutError: it is not, after `timeout` seconds.
        Problem, ServerAway: the server rejects it, or does not answer.
    """
    ends_at = None if timeout is None else time.monotonic() + timeout
    seen = ""
    while True:
        left = WAIT_SECONDS if ends_at is None else max(0.0, ends_at - time.monotonic())
        asked = min(WAIT_SECONDS, int(left))
        began = time.monotonic()
        response = look(
            transport,
            path,
            wait=asked,
            patience=None if ends_at is None else transport.patience(left),
        )
        job = cast("JobObject", transport.document(response, "id", "status"))
        if job["status"] in FINAL:
            return job
        if ends_at is not None and time.monotonic() >= ends_at:
            raise TimeoutError(f"Job {job['id']} is {job['status']} after {timeout} s.")
        if asked == 0 or (job["status"] == seen and time.monotonic() - began < asked):
            # The server did not hold the request; polling at once would add load.
            _rest(transport, response, ends_at)
        seen = job["status"]


def events_of(transport: Transport, path: str, after: str) -> Iterator[Event]:
    """Yield a job's events until it ends; resume after a lost connection.

    Raises:
        Problem, ServerAway: the server rejects it, or does not answer.
    """
    parser = EventParser(last_id=after)
    patience = transport.patience()
    while not transport.pause.is_set():
        try:
            for event in _connected(transport, path, parser):
                yield event
                patience = transport.patience()
                if event.kind == "done":
                    return
        except _Seen:
            return
        except (Problem, ServerAway) as error:
            if isinstance(error, Problem) and error.status not in LATER:
                raise
            asked = error.retry_after if isinstance(error, Problem) else None
            patience.spent(error, retry_after=asked)
        else:
            retry_ms = RECONNECT_MS if parser.retry_ms is None else parser.retry_ms
            transport.pause.wait(min(MAX_RETRY_AFTER_SECONDS, retry_ms / 1000))


class _Seen(Exception):
    """The server has no further events."""


def _connected(transport: Transport, path: str, parser: EventParser) -> Iterator[Event]:
    headers = {"Accept": EVENT_STREAM}
    if parser.last_id:
        headers["Last-Event-ID"] = parser.last_id
    with transport.stream(f"{path}/events", headers, media_type=EVENT_STREAM) as response:
        if response.status_code == httpx.codes.NO_CONTENT:
            raise _Seen
        try:
            yield from parser.events(response.iter_bytes())
        except ValueError as error:
            raise StrangeAnswer("An event of the job is unreadable.") from error


def _rest(transport: Transport, response: httpx.Response, ends_at: float | None) -> None:
    pause = min(MAX_RETRY_AFTER_SECONDS, retry_after(response) or 1)
    if ends_at is not None:
        pause = min(pause, max(0.0, ends_at - time.monotonic()))
    transport.pause.wait(pause)
