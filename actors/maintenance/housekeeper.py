"""The housekeeper: one leader at a time repairs what died or was lost, and does what is due."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from callboard.actors.maintenance.scheduler import Scheduler
from callboard.actors.periodic_thread import PeriodicThread
from callboard.jobs.batches.batch import seal_batches
from callboard.jobs.dependents import check_dependencies, settle_dependents
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.files.remove import expire_files
from callboard.jobs.files.storage import Storage
from callboard.jobs.leader import lead, resign
from callboard.jobs.orphans import put_back_orphans
from callboard.jobs.promote import promote
from callboard.jobs.publisher import MessagePublisher
from callboard.jobs.purge import CALLBACK_PATIENCE, purge_expired
from callboard.jobs.queue_moves import Moving
from callboard.jobs.reap import reap
from callboard.jobs.reconcile import reconcile
from callboard.jobs.relay import relay_outbox
from callboard.jobs.store import Store
from callboard.jobs.unblock import unblock_jobs
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

MAX_TICK: Final = timedelta(milliseconds=500)
MAX_LEAD: Final = timedelta(seconds=4)
SLOW_TASKS_INTERVAL_SECONDS: Final = 5.0

log = get_logger(__name__)


class Housekeeper:
    """Runs the maintenance tasks in supervised threads, while its process leads.

    Its scripts are safe with any number of housekeepers; the lock only saves work. A leader
    that is lost costs a few seconds, never a job.

    Args:
        name: the name of this process.
        lease: the lease of running jobs; leading lasts at most a quarter of it.
        storage: the storage of file contents.
        scheduler: submits the jobs of schedules.
        put_back: publishes a message unchanged to a queue.
        callback_retries: the retry delays of callbacks; jobs are kept for as long.
    """

    def __init__(  # noqa: PLR0913 — the parts of a housekeeper
        self,
        store: Store,
        publisher: MessagePublisher,
        *,
        name: str,
        lease: timedelta,
        storage: Storage,
        scheduler: Scheduler,
        put_back: Callable[[str, bytes], object],
        callback_retries: Sequence[timedelta] = (),
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._name = name
        self._lease = lease
        self._storage = storage
        self._scheduler = scheduler
        self._put_back = put_back
        self._moving = Moving(store)
        self._callback_patience = max(CALLBACK_PATIENCE, sum(callback_retries, timedelta()))
        self._lead = min(MAX_LEAD, lease / 4)
        self._leads = False
        self._slow_tasks_at = 0.0
        tick = min(MAX_TICK, self._lead / 2)
        self._loop = PeriodicThread("housekeeper", self.tick, interval=tick.total_seconds())
        # An unavailable storage blocks its callers: no job may wait for that.
        self._tidying = PeriodicThread("tidying", self.tidy, interval=SLOW_TASKS_INTERVAL_SECONDS)

    def start(self) -> None:
        """Start the threads."""
        self._loop.start()
        self._tidying.start()

    def close(self) -> None:
        """Stop, and let another process lead at once."""
        self._loop.close()
        self._tidying.close(timeout=MAX_TICK.total_seconds())
        try:
            if self._leads:
                resign(self._store, self._name)
        except StoreUnavailable:
            log.debug(LogEvent.HOUSEKEEPER_LEAD_RELEASE_FAILED)

    def tick(self) -> None:
        """Do all maintenance tasks that are due, if this process leads.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        leads = lead(self._store, self._name, lasts=self._lead)
        if leads != self._leads:
            log.info(
                LogEvent.HOUSEKEEPER_LEAD_ACQUIRED if leads else LogEvent.HOUSEKEEPER_LEAD_RELEASED
            )
            self._leads = leads
            self._tidying.hurry()
        slow_tasks_due = time.monotonic() - self._slow_tasks_at > SLOW_TASKS_INTERVAL_SECONDS
        if slow_tasks_due:
            self._slow_tasks_at = time.monotonic()
        if not leads:
            if slow_tasks_due:
                self._do(self._scheduler.help_out)
            return
        tasks: list[Callable[[], object]] = [
            lambda: reap(self._store, lease=self._lease),
            lambda: promote(self._store),
            lambda: settle_dependents(self._store),
            lambda: unblock_jobs(self._store),
            lambda: relay_outbox(self._store),
            self._scheduler.tick,
        ]
        if slow_tasks_due:
            tasks += [
                self._moving.move,
                lambda: reconcile(self._store, self._publisher.ready),
                lambda: purge_expired(self._store, callback_patience=self._callback_patience),
                lambda: seal_batches(self._store),
                lambda: check_dependencies(self._store),
                lambda: put_back_orphans(self._store, self._put_back),
            ]
        for task in tasks:
            self._do(task)

    def tidy(self) -> None:
        """Remove expired files and what killed processes left, if this process leads.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        if self._leads:
            self._do(lambda: expire_files(self._store, self._storage))
            self._do(self._storage.sweep)

    def _do(self, task: Callable[[], object]) -> None:
        try:
            task()
        except StoreUnavailable:
            raise
        except Exception:
            # A failing task must not prevent the others.
            log.exception(LogEvent.MAINTENANCE_TASK_FAILED)
