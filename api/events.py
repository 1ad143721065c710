"""Waiting for jobs to change."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import redis

from api.subscription import REREAD_S, Listener, Statuses, Subscription, Until
from jobs.errors import JobGone, JobNotFound, StoreUnavailable
from jobs.record import Record

_ALONE_S: Final = 30.0


class Events:
    """Lets requests wait for jobs.

    The subscription begins with the first who waits, in the process where they wait, and ends
    some seconds after the last. After each new subscription, since what was published meanwhile
    was heard by nobody, and every five seconds in any case, all jobs that are waited for are
    looked at together; who waits reads for itself when that shows a change, or seldom.

    Args:
        connect: makes a client to subscribe with, which is closed afterwards; called in the
            thread that listens.
        channel: where changes are published.
    """

    def __init__(self, connect: Callable[[], redis.Redis], channel: str) -> None:
        self._connect = connect
        self._channel = channel
        self._closed = threading.Event()
        self._statuses: Statuses | None = None
        self._subscriptions: dict[int, Subscription] = {}

    def look_with(self, statuses: Statuses) -> None:
        """Say how jobs are looked at together; to be called before anybody waits.

        Args:
            statuses: gives the status of each of some jobs, None for one that is gone.
        """
        self._statuses = statuses

    def wait(
        self,
        job_id: str,
        read: Callable[[], Record],
        *,
        until: Until,
        timeout: float,
        known: Record | None = None,
    ) -> Record:
        """Wait until a job's status is as wanted; no change is missed, whenever it comes.

        Args:
            job_id: which job.
            read: reads it as it is.
            until: says of a status whether it is awaited.
            timeout: seconds; 0 reads once.
            known: the job as far as the caller knows it, to be given back when it cannot be read.

        Returns:
            The job as read last; also when the time is up or the process stops.

        Raises:
            JobGone, JobNotFound: the job went away meanwhile, or never was.
            StoreUnavailable: it cannot be read, and was not known.
        """
        end = time.monotonic() + timeout
        alone_s = REREAD_S if self._statuses is None else _ALONE_S
        with self._listening(job_id, until) as listener:
            while True:
                listener.forget()
                try:
                    known = read()
                except (StoreUnavailable, JobNotFound) as error:
                    if known is None or isinstance(error, JobGone):
                        raise
                left = end - time.monotonic()
                if until(known.status) or left <= 0 or self._closed.is_set():
                    return known
                listener.pause(min(left, alone_s * random.uniform(0.8, 1)))  # noqa: S311  # spreads load

    def close(self) -> None:
        """Have everybody who waits answer with what there is, and nobody wait any more."""
        self._closed.set()
        subscription = self._subscriptions.get(os.getpid())
        if subscription is not None:
            subscription.notify_all()

    @property
    def waiting(self) -> int:
        """How many wait in this process."""
        subscription = self._subscriptions.get(os.getpid())
        return 0 if subscription is None else subscription.size

    @contextmanager
    def _listening(self, job_id: str, until: Until) -> Iterator[Listener]:
        # Threads and connections do not survive a fork: each process has a subscription.
        subscription = self._subscriptions.get(os.getpid()) or self._subscriptions.setdefault(
            os.getpid(), Subscription(self._connect, self._channel, self._statuses, self._closed)
        )
        listener = Listener(until)
        subscription.add(job_id, listener)
        try:
            yield listener
        finally:
            subscription.remove(job_id, listener)
