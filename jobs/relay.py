"""relay: publish the messages of woken jobs, and remove from the outbox what was confirmed."""

import json
import threading
from collections.abc import Sequence
from typing import Final

from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.publisher import MessagePublisher, Wakeup
from callboard.jobs.read import read_submissions
from callboard.jobs.store import Store
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

MAX_AT_ONCE: Final = 200
AGAIN_MS: Final = 5000

log = get_logger(__name__)


def relay_outbox(store: Store, *, most: int = 500) -> None:
    """Pass the jobs that were not published in time to `store.on_woken`.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    store.run("relay_outbox", store.keys("outbox"), most=most, again_ms=AGAIN_MS)


def confirm(store: Store, wakeups: Sequence[tuple[str, int]]) -> None:
    """Take confirmed wake-ups, as job id and number, out of the outbox in one call.

    Raises:
        StoreUnavailable: Redis does not answer; the relay publishes them once more.
    """
    numbered = [[job_id, str(number)] for job_id, number in wakeups]
    store.run("confirm_wakeups", store.keys("outbox"), wakeups=json.dumps(numbered))


def publish_woken(store: Store, publisher: MessagePublisher, job_ids: Sequence[str]) -> int:
    """Publish a message for each of these jobs that is still queued.

    Returns:
        How many were confirmed. The others stay in the outbox.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    found = read_submissions(store, job_ids)
    wakeups = [
        Wakeup(submission, int(fields["wakeup"]), "reserved" in fields, now_ms)
        for submission, fields, now_ms in found.values()
        if fields["status"] == "queued"
    ]
    if not wakeups:
        return 0
    outcomes = publisher.publish(wakeups)
    confirmed = [
        (wakeup.submission.job_id, wakeup.number)
        for wakeup, outcome in zip(wakeups, outcomes, strict=True)
        if outcome
    ]
    if confirmed:
        confirm(store, confirmed)
    return len(confirmed)


class Relay:
    """One thread in each process that publishes what transitions woke, and takes confirms.

    Losing it loses nothing: the outbox keeps each entry until it is confirmed.
    """

    def __init__(self, store: Store, publisher: MessagePublisher) -> None:
        self._store = store
        self._publisher = publisher
        self._changed = threading.Condition()
        self._woken: dict[str, None] = {}
        self._confirmed: list[tuple[str, int]] = []
        self._closing = False
        self._thread: threading.Thread | None = None

    def wake(self, job_ids: Sequence[str]) -> None:
        """Publish for these jobs soon; returns at once."""
        with self._changed:
            self._woken.update(dict.fromkeys(job_ids))
            self._changed.notify()

    def acknowledge(self, job_id: str, number: int) -> None:
        """Take a wake-up that the caller saw confirmed out of the outbox soon."""
        with self._changed:
            self._confirmed.append((job_id, number))
            self._changed.notify()

    def start(self) -> None:
        """Start the thread; connects to nothing before there is something to do."""
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Finish what was handed in, within `timeout` seconds, and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._woken or self._confirmed or self._closing):
                    self._changed.wait()
                if not (self._woken or self._confirmed):
                    return
                woken = list(self._woken)[:MAX_AT_ONCE]
                for job_id in woken:
                    del self._woken[job_id]
                confirmed, self._confirmed = self._confirmed, []
            self._step(woken, confirmed)

    def _step(self, woken: Sequence[str], confirmed: Sequence[tuple[str, int]]) -> None:
        try:
            if confirmed:
                confirm(self._store, confirmed)
            if woken:
                publish_woken(self._store, self._publisher, woken)
        except StoreUnavailable:
            log.warning(LogEvent.RELAY_POSTPONED, woken=len(woken))
        except Exception:
            log.exception(LogEvent.RELAY_FAILED)
