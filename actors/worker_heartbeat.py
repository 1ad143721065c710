"""What a worker says of itself in Redis, so that operators see its workers."""

import json
import os
import socket
from collections.abc import Collection
from importlib.metadata import version

from callboard.actors.container import Container
from callboard.actors.runs import Runs
from callboard.actors.watchdog.thread_watch import Watchdog
from callboard.jobs.errors import StoreUnavailable, TooManySchedules
from callboard.jobs.limit import limit
from callboard.jobs.schedules.file import apply_schedules
from callboard.jobs.schedules.records import list_schedules
from callboard.jobs.submission import FORMAT
from callboard.jobs.workers import heartbeat_worker, remove_worker
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

log = get_logger(__name__)


class WorkerHeartbeat:
    """Sends the heartbeats of one worker process, and first what its code and settings declare.

    Args:
        name: of the process.
        runs: what it runs.
        watchdog: knows how its threads are.
    """

    def __init__(self, container: Container, name: str, runs: Runs, watchdog: Watchdog) -> None:
        self._container = container
        self._store = container.store
        self._name = name
        self._runs = runs
        self._watchdog = watchdog
        self._declared = False
        self._consumed: Collection[str] | None = None

    def listen_to(self, queues: Collection[str] | None) -> None:
        """Set the queues that are consumed, by their names in RabbitMQ; None for all."""
        self._consumed = queues

    def send(self) -> None:
        """Send a heartbeat; the first time, also the declared limits and schedules.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        registry = self._container.registry
        if not self._declared:
            limit(self._store, self._container.limits, source="declared")
            self._declare_schedules()
            self._declared = True
        names = sorted(operation.name for operation in registry)
        fields = {
            "host": socket.gethostname(),
            "pid": str(os.getpid()),
            "version": version("callboard"),
            "queues": ",".join(self._listens_to()),
            "threads": str(self._container.settings.threads),
            "stuck_threads": str(self._watchdog.seen.stuck),
            "dead_threads": str(self._watchdog.seen.dead),
            "running": ",".join(run.fence.job_id for run in self._runs),
            "operations": ",".join(names),
            "homes": json.dumps({each.name: each.rules.queue for each in registry}),
            "format": str(FORMAT),
        }
        if heartbeat_worker(self._store, self._name, fields, operations=names):
            # Also right after declaring them: Redis may have lost everything in between.
            self._restore_schedules()

    def _listens_to(self) -> list[str]:
        names = self._container.registry.queues()
        consumed, known_as = self._consumed, self._container.publisher.queue
        return [name for name in names if consumed is None or known_as(name) in consumed]

    def end(self) -> None:
        """Deregister this worker, instead of letting its heartbeat expire after 30 s."""
        try:
            remove_worker(self._store, self._name)
        except StoreUnavailable:
            log.debug(LogEvent.WORKER_DEPARTURE_FAILED)

    def _restore_schedules(self) -> None:
        """Declare them again if Redis lost them; one that a later file removed is not lost."""
        declared = self._container.schedules
        if not declared:
            return
        kept = {schedule.name for schedule in list_schedules(self._store)}
        if not kept.issuperset(declared):
            log.warning(LogEvent.SCHEDULES_LOST)
            self._declare_schedules()

    def _declare_schedules(self) -> None:
        if self._container.schedules is None:
            return
        try:
            apply_schedules(self._store, self._container.schedules)
        except TooManySchedules as error:
            log.error(LogEvent.SCHEDULES_REJECTED, reason=str(error))
