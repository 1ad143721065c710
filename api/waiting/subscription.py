"""One Redis subscription in each process, which wakes requests that wait for a job."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, Protocol

import redis

from callboard.jobs.backoff import Backoff
from callboard.jobs.connection.tls_faults import tls_fault
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.outages import NO_RIGHTS, outage_of
from callboard.jobs.read import StatusSnapshot
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

REREAD_S: Final = 5.0
"""How often every awaited job is read, whatever is published."""

_MAX_AT_ONCE: Final = 100
_TICK_S: Final = 1.0
_LINGER_S: Final = 10.0
_SILENCE_S: Final = 10.0
_UNHEARD_S: Final = 10.0
_STEADY_S: Final = 5.0
_BACKOFF: Final = Backoff(timedelta(seconds=0.1), timedelta(seconds=5))

log = get_logger(__name__)


ReadSnapshots = Callable[[Sequence[str]], Sequence[StatusSnapshot | None]]


class Listener(Protocol):
    """A listener for changes of one job; several changes may set one flag."""

    def wants(self, snapshot: StatusSnapshot) -> bool:
        """Return whether this is what is waited for."""

    def notify(self) -> None:
        """Read the job again; must not block."""


class Subscription:
    """The listeners of one process, and the thread that hears for them."""

    def __init__(
        self,
        connect: Callable[[], redis.Redis],
        channel: str,
        snapshots: ReadSnapshots | None,
        closed: threading.Event,
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._read_snapshots = snapshots
        self._closed = closed
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Listener]] = {}
        self._runs = False
        self._idle_since = 0.0
        self._interrupted_by = ""
        self._looked = float("-inf")

    @property
    def fresh(self) -> bool:
        """Whether all jobs were read recently, so that no request needs to read its own."""
        return time.monotonic() - self._looked < REREAD_S * 2

    def add(self, job_id: str, listener: Listener) -> None:
        """Add a listener, and start the thread if there is none."""
        with self._lock:
            self._listeners.setdefault(job_id, set()).add(listener)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="events", daemon=True).start()

    def remove(self, job_id: str, listener: Listener) -> None:
        """Remove a listener."""
        with self._lock:
            those = self._listeners[job_id]
            those.discard(listener)
            if not those:
                del self._listeners[job_id]
            self._idle_since = time.monotonic()

    def notify_all(self) -> None:
        """Make every listener read again."""
        with self._lock:
            listeners = [listener for each in self._listeners.values() for listener in each]
        for listener in listeners:
            listener.notify()

    def _run(self) -> None:
        failures = 0
        while not self._may_end():
            began = time.monotonic()
            try:
                client = self._connect()
                try:
                    self._hear(client)
                finally:
                    client.close()
            except (redis.RedisError, StoreUnavailable, OSError) as error:
                self._say_interrupted(tls_fault(error) or str(error))
                if outage_of(error) == NO_RIGHTS:
                    began = self._look_unheard()
            except Exception:
                log.exception(LogEvent.EVENT_SUBSCRIPTION_FAILED)
            lasted = time.monotonic() - began > _STEADY_S
            failures = 1 if lasted else failures + 1
            self._closed.wait(_BACKOFF.seconds(failures))

    def _say_interrupted(self, reason: str) -> None:
        """Log each reason once: a missing permission recurs."""
        if reason != self._interrupted_by:
            self._interrupted_by = reason
            log.warning(LogEvent.EVENT_SUBSCRIPTION_INTERRUPTED, reason=reason)

    def _look_unheard(self) -> float:
        """Read all jobs every second while Redis denies it; return when that began."""
        began = time.monotonic()
        while not self._idle() and time.monotonic() - began < _UNHEARD_S:
            try:
                self._look()
            except (redis.RedisError, StoreUnavailable, OSError):
                break
            self._closed.wait(_TICK_S)
        return began

    def _hear(self, client: redis.Redis) -> None:
        """Pass on what is published, until no listener is left or the connection is lost."""
        with client.pubsub() as pubsub:
            pubsub.subscribe(self._channel)
            looked = heard = time.monotonic()
            asked = False
            while not self._idle():
                if time.monotonic() - looked > REREAD_S:
                    looked = time.monotonic()
                    self._look()
                message = pubsub.get_message(timeout=_TICK_S)
                if message is not None:
                    heard, asked = time.monotonic(), False
                    self._pass_on(message)
                elif time.monotonic() - heard > _SILENCE_S:
                    if asked:
                        raise redis.ConnectionError("Redis has stopped responding.")
                    heard, asked = time.monotonic(), True
                    pubsub.ping()

    def _pass_on(self, message: dict[str, object]) -> None:
        if message["type"] == "subscribe":
            self._interrupted_by = ""
            self._look()
            return
        data = message["data"]
        if message["type"] != "message" or not isinstance(data, bytes):
            return
        job_id, _, change = data.decode().partition(" ")
        if those := self._those(job_id):
            version, status, _ = change.split(" ", 2)
            _tell(those, StatusSnapshot(status, int(version)))

    def _look(self) -> None:
        """Notify listeners whose job has changed, whatever was published."""
        if self._read_snapshots is None:
            self.notify_all()
            return
        with self._lock:
            ids = list(self._listeners)
        for begin in range(0, len(ids), _MAX_AT_ONCE):
            some = ids[begin : begin + _MAX_AT_ONCE]
            for job_id, snapshot in zip(some, self._read_snapshots(some), strict=True):
                _tell(self._those(job_id), snapshot)
        self._looked = time.monotonic()

    def _those(self, job_id: str) -> list[Listener]:
        with self._lock:
            return list(self._listeners.get(job_id, ()))

    def _idle(self) -> bool:
        with self._lock:
            is_unused = not self._listeners
            return self._closed.is_set() or (
                is_unused and time.monotonic() - self._idle_since > _LINGER_S
            )

    def _may_end(self) -> bool:
        """Return whether the thread ends; a later listener starts another."""
        with self._lock:
            if self._closed.is_set() or not self._listeners:
                self._runs = False
            return not self._runs


def _tell(those: Sequence[Listener], snapshot: StatusSnapshot | None) -> None:
    for listener in those:
        if snapshot is None or listener.wants(snapshot):
            listener.notify()
