"""Waiting for jobs to change."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import SystemRandom
from typing import Final, TypeVar

import redis

from callboard.api.request import Caller, Request, holders_of
from callboard.api.waiting.fair_limit import FairLimit
from callboard.api.waiting.peer import ConnectionTracker, Peer, peer_of
from callboard.api.waiting.subscription import REREAD_S, Listener, ReadSnapshots, Subscription
from callboard.jobs.batches.batch import Batch
from callboard.jobs.errors import BatchNotFound, JobGone, JobNotFound, StoreUnavailable
from callboard.jobs.read import StatusSnapshot
from callboard.jobs.record import Record

_ALONE_S: Final = REREAD_S * 2

Until = Callable[[str], bool]
Waited = TypeVar("Waited", Record, Batch)


class Events:
    """Lets requests wait for jobs.

    The subscription begins with the first who waits, in the process where they wait, and ends
    some seconds after the last. After each new subscription, since what was published meanwhile
    was missed, and every five seconds in any case, all awaited jobs are
    looked at together; who waits reads for itself when that shows a change, or when nothing was
    looked at for long. Whose client has left stops waiting within seconds.

    Args:
        connect: makes a client to subscribe with, which is closed afterwards; called in the
            thread that listens.
        channel: where changes are published.
        waits: how many requests may wait; the others are answered at once.
        streams: how many event streams there may be.
    """

    def __init__(
        self,
        connect: Callable[[], redis.Redis],
        channel: str,
        *,
        waits: int | None = None,
        streams: int | None = None,
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._read_snapshots: ReadSnapshots | None = None
        self._subscriptions: dict[int, Subscription] = {}
        self.waits: Final = FairLimit(waits)
        self.streams: Final = FairLimit(streams)
        self.closed: Final = threading.Event()
        self.connections: Final = ConnectionTracker(self.closed)

    def look_with(self, snapshots: ReadSnapshots) -> None:
        """Set how jobs are read together; call this before the first wait.

        Args:
            snapshots: gives status and version of each of some jobs, None for one that is gone.
        """
        self._read_snapshots = snapshots

    def wait(
        self,
        req: Request,
        job_id: str,
        read: Callable[[str, Caller], Waited],
        *,
        until: Until,
        timeout: float,
        known: Waited | None = None,
    ) -> Waited:
        """Wait for the status of a job or a batch; no change is missed, whenever it comes.

        Args:
            req: its caller has a share of the places, and the wait ends when its client is gone.
            job_id: which job or batch.
            read: reads it as the caller sees it.
            until: returns whether a status is awaited.
            timeout: seconds; 0 reads once.
            known: the job as the caller knows it, returned if it cannot be read.

        Returns:
            The job as read last; also when the time is up, too many wait or the process stops.

        Raises:
            JobGone, JobNotFound, BatchNotFound: it went away meanwhile, or never was.
            StoreUnavailable: it cannot be read, and was not known.
        """
        look = partial(read, job_id, req.context.caller)
        with self.waits.one(holders_of(req)) as admitted:
            if timeout <= 0 or not admitted:
                return _read(look, known)
            end = time.monotonic() + timeout
            waiter = _Waiter(until, peer_of(req.env))
            with self._listening(job_id, waiter), self.connections.track(waiter):
                while True:
                    waiter.forget()
                    known = _read(look, known)
                    ended = self.closed.is_set() or waiter.left or time.monotonic() >= end
                    if ended or until(known.status):
                        return known
                    _pause(waiter, self._subscription(), end)

    def listen(self, job_id: str, listener: Listener) -> None:
        """Add a listener for a job's changes; no later change is missed."""
        self._subscription().add(job_id, listener)

    def unlisten(self, job_id: str, listener: Listener) -> None:
        """Remove a listener."""
        self._subscription().remove(job_id, listener)

    def close(self) -> None:
        """Make all waiting requests respond with the current state, and accept no more waits."""
        self.closed.set()
        subscription = self._subscriptions.get(os.getpid())
        if subscription is not None:
            subscription.notify_all()

    @property
    def waiting(self) -> int:
        """How many requests wait in this process."""
        return self.waits.taken

    def _subscription(self) -> Subscription:
        # Threads and connections do not survive a fork: each process has a subscription.
        return self._subscriptions.get(os.getpid()) or self._subscriptions.setdefault(
            os.getpid(),
            Subscription(self._connect, self._channel, self._read_snapshots, self.closed),
        )

    @contextmanager
    def _listening(self, job_id: str, listener: Listener) -> Iterator[None]:
        self.listen(job_id, listener)
        try:
            yield
        finally:
            self.unlisten(job_id, listener)


class _Waiter:
    """A request that waits."""

    __slots__ = ("_flag", "_peer", "_until", "left")

    def __init__(self, until: Until, peer: Peer) -> None:
        self._until = until
        self._peer = peer
        self._flag = threading.Event()
        self.left = False

    def wants(self, snapshot: StatusSnapshot) -> bool:
        return self._until(snapshot.status)

    def notify(self) -> None:
        self._flag.set()

    def check(self, _now: float) -> None:
        if self._peer.gone():
            self.left = True
            self._flag.set()

    def forget(self) -> None:
        self._flag.clear()

    def pause(self, seconds: float) -> bool:
        return self._flag.wait(seconds)


def _read(read: Callable[[], Waited], known: Waited | None) -> Waited:
    try:
        return read()
    except (StoreUnavailable, JobNotFound, BatchNotFound) as error:
        if known is None or isinstance(error, JobGone):
            raise
        return known


def _pause(waiter: _Waiter, subscription: Subscription, end: float) -> None:
    """Wait for a notice, or until a look of one's own is due."""
    while (left := end - time.monotonic()) > 0:
        alone_s = _ALONE_S * SystemRandom().uniform(0.8, 1)
        if waiter.pause(min(left, alone_s)) or not subscription.fresh:
            return
