"""The body of an event stream, which ends with the job, the client or the process."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from random import SystemRandom
from typing import Final, Self

from callboard.api.event_stream import sse
from callboard.api.event_stream.event_encoder import EventEncoder
from callboard.api.event_stream.watch import Watches
from callboard.api.waiting.events import Events
from callboard.api.waiting.peer import Peer
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.record import Record

_AWAY_S: Final = 2.0
_LAST_PATIENCE_S: Final = 2.0


@dataclass(frozen=True)
class Follower:
    """The client of an event stream.

    Attributes:
        admitted: returns whether its key is still valid.
        holders: those whose share of the places it uses.
    """

    peer: Peer
    admitted: Callable[[], bool]
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The intervals of a stream, in seconds.

    Attributes:
        admission: between two checks of the client's key.
        keep_alive: between two keep-alive comments, so that proxies keep the connection.
        lifetime: until the client is asked to reconnect.
        patience: how long a client may leave an event unread; less while the process stops.
        come_back: the shortest and longest pause before a client reconnects; spread, so
            that not all reconnect at once.
    """

    admission: float = 5.0
    keep_alive: float = 15.0
    lifetime: float = 3600.0
    patience: float = 30.0
    come_back: tuple[float, float] = (1.0, 5.0)


class Stream:
    """The chunks of one stream, each produced after the previous one was sent.

    A client that reads nothing for long is disconnected, and one that left is noticed, while the
    server waits for it or nothing is sent. Its place is released when the stream is closed.
    when it is closed.
    """

    def __init__(
        self,
        events: Events,
        watches: Watches,
        record: Record,
        encoder: EventEncoder,
        follower: Follower,
        pace: Pace,
    ) -> None:
        self._events = events
        self._encoder = encoder
        self._follower = follower
        self._peer = follower.peer
        self._pace = pace
        self._flag = threading.Event()
        self._left = False
        self._handed_at: float | None = None
        self._held = ExitStack()
        self._held.callback(events.streams.free, follower.holders)
        self._watch = self._held.enter_context(watches.watching(record, self._flag))
        self._held.enter_context(events.connections.track(self))
        self._chunks = self._run()
        self._peer.bound()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        self._handed_at = None
        chunk = next(self._chunks)
        self._handed_at = time.monotonic()
        return chunk

    def close(self) -> None:
        """Stop watching and release the place; a repeat does nothing."""
        self._chunks.close()
        self._held.close()

    def check(self, now: float) -> None:
        """Notice that the client has left, or disconnect it if it reads nothing."""
        patience = _LAST_PATIENCE_S if self._events.closed.is_set() else self._pace.patience
        handed_at = self._handed_at
        if handed_at is not None and now - handed_at > patience:
            self._peer.hang_up()
        if self._peer.gone():
            self._left = True
            self._flag.set()

    def _run(self) -> Generator[bytes, None, None]:
        yield sse.OPENING
        pace = self._pace
        ends_at = time.monotonic() + pace.lifetime * SystemRandom().uniform(0.9, 1)
        alive_until = time.monotonic() + pace.keep_alive
        admitted_until = time.monotonic() + pace.admission
        while not self._left:
            self._flag.clear()
            if time.monotonic() >= admitted_until:
                if not self._follower.admitted():
                    return
                admitted_until = time.monotonic() + pace.admission
            for chunk in self._news():
                yield chunk
                alive_until = time.monotonic() + pace.keep_alive
            now = time.monotonic()
            if self._encoder.ended:
                return
            if self._events.closed.is_set() or now >= ends_at:
                yield sse.retry(round(SystemRandom().uniform(*pace.come_back) * 1000))
                return
            if now >= alive_until:
                yield sse.KEEP_ALIVE
                alive_until = time.monotonic() + pace.keep_alive
            self._flag.wait(min(self._encoder.due or alive_until, alive_until) - time.monotonic())

    def _news(self) -> Iterator[bytes]:
        try:
            yield from self._encoder.encode(self._watch.look(), self._watch.page)
        except StoreUnavailable:
            self._encoder.due = time.monotonic() + _AWAY_S
