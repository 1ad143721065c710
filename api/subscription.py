"""One Redis subscription in each process, which wakes whoever waits for a job to change."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import redis
import structlog

from jobs.errors import StoreUnavailable

REREAD_S: Final = 5.0
"""Every job that is waited for is looked at this often, whatever is heard."""

_MOST_AT_ONCE: Final = 200
_TICK_S: Final = 1.0
_LINGER_S: Final = 10.0
_SILENCE_S: Final = 10.0
_SHORTEST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0

Until = Callable[[str], bool]
Statuses = Callable[[Sequence[str]], Sequence[str | None]]

log = structlog.get_logger(__name__)


class Listener:
    """Somebody who waits for one job; it keeps one flag, however much happens."""

    __slots__ = ("_flag", "until")

    def __init__(self, until: Until) -> None:
        self.until: Final = until
        self._flag = threading.Event()

    def notify(self) -> None:
        """Have it read again."""
        self._flag.set()

    def forget(self) -> None:
        """Forget what was heard; whatever comes from now on counts."""
        self._flag.clear()

    def pause(self, seconds: float) -> None:
        """Wait for a notice."""
        self._flag.wait(seconds)


class Subscription:
    """The listeners of one process, and the thread that hears for them."""

    def __init__(
        self,
        connect: Callable[[], redis.Redis],
        channel: str,
        statuses: Statuses | None,
        closed: threading.Event,
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._statuses = statuses
        self._closed = closed
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Listener]] = {}
        self._runs = False
        self._idle_since = 0.0

    @property
    def size(self) -> int:
        """How many listen."""
        with self._lock:
            return sum(len(each) for each in self._listeners.values())

    def add(self, job_id: str, listener: Listener) -> None:
        """Let somebody listen, and start the thread if there is none."""
        with self._lock:
            self._listeners.setdefault(job_id, set()).add(listener)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="events", daemon=True).start()

    def remove(self, job_id: str, listener: Listener) -> None:
        """Let somebody listen no more."""
        with self._lock:
            those = self._listeners[job_id]
            those.discard(listener)
            if not those:
                del self._listeners[job_id]
            self._idle_since = time.monotonic()

    def notify_all(self) -> None:
        """Have everybody read again."""
        with self._lock:
            everybody = [listener for each in self._listeners.values() for listener in each]
        for listener in everybody:
            listener.notify()

    def _run(self) -> None:
        pause = _SHORTEST_PAUSE_S
        while not self._may_end():
            began = time.monotonic()
            try:
                client = self._connect()
                try:
                    self._hear(client)
                finally:
                    client.close()
            except (redis.RedisError, StoreUnavailable, OSError) as error:
                log.warning("events_interrupted", error=str(error))
            except Exception:
                log.exception("events_failed")
            lasted = time.monotonic() - began > _LONGEST_PAUSE_S
            pause = _SHORTEST_PAUSE_S if lasted else min(_LONGEST_PAUSE_S, pause * 2)
            self._closed.wait(pause)

    def _hear(self, client: redis.Redis) -> None:
        """Pass on what is published, until nobody listens or the connection is lost."""
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
                        raise redis.ConnectionError("Redis says nothing any more.")
                    heard, asked = time.monotonic(), True
                    pubsub.ping()

    def _pass_on(self, message: dict[str, object]) -> None:
        if message["type"] == "subscribe":
            self._look()
            return
        data = message["data"]
        if message["type"] != "message" or not isinstance(data, bytes):
            return
        job_id, _, change = data.partition(b" ")
        with self._lock:
            those = list(self._listeners.get(job_id.decode(), ()))
        if those:
            status = change.split(b" ", 2)[1].decode()
            for listener in those:
                if listener.until(status):
                    listener.notify()

    def _look(self) -> None:
        """Notify those whose job has changed by now, with no regard to what was heard."""
        if self._statuses is None:
            self.notify_all()
            return
        with self._lock:
            ids = list(self._listeners)
        for begin in range(0, len(ids), _MOST_AT_ONCE):
            some = ids[begin : begin + _MOST_AT_ONCE]
            for job_id, status in zip(some, self._statuses(some), strict=True):
                with self._lock:
                    those = list(self._listeners.get(job_id, ()))
                for listener in those:
                    if status is None or listener.until(status):
                        listener.notify()

    def _idle(self) -> bool:
        with self._lock:
            nobody = not self._listeners
            return self._closed.is_set() or (
                nobody and time.monotonic() - self._idle_since > _LINGER_S
            )

    def _may_end(self) -> bool:
        """Whether the thread ends; whoever comes later starts another."""
        with self._lock:
            if self._closed.is_set() or not self._listeners:
                self._runs = False
            return not self._runs
