"""The housekeeper: one leader at a time heals what died, was lost, or has come due."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from actors.loop import Loop
from actors.ticking import Ticking
from jobs.batches.batch import seal_batches
from jobs.errors import StoreUnavailable
from jobs.files.remove import expire_files
from jobs.files.storage import Storage
from jobs.hand_over import hand_over
from jobs.lead import lead, resign
from jobs.promote import promote
from jobs.publisher import Publisher
from jobs.purge import purge_expired
from jobs.reap import reap
from jobs.reconcile import reconcile
from jobs.relay import relay_outbox
from jobs.store import Store

LONGEST_TICK: Final = timedelta(milliseconds=500)
LONGEST_LEAD: Final = timedelta(seconds=4)
SELDOM_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


class Housekeeper:
    """Does the chores in a supervised thread, while its process leads.

    Its scripts are safe with any number of housekeepers; the lock only spares work. A leader
    that is lost costs a few seconds, never a job.

    Args:
        name: of this process.
        lease: of running jobs; leading takes at most a quarter of it.
        storage: where the bytes of files are.
        ticking: makes the jobs of schedules.
    """

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        *,
        name: str,
        lease: timedelta,
        storage: Storage,
        ticking: Ticking,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._name = name
        self._lease = lease
        self._storage = storage
        self._ticking = ticking
        self._lead = min(LONGEST_LEAD, lease / 4)
        self._leads = False
        self._seldom_at = 0.0
        tick = min(LONGEST_TICK, self._lead / 2)
        self._loop = Loop("housekeeper", self.tick, interval=tick.total_seconds())

    def start(self) -> None:
        """Start the thread."""
        self._loop.start()

    def close(self) -> None:
        """Stop, and let another process lead at once."""
        self._loop.close()
        try:
            if self._leads:
                resign(self._store, self._name)
        except StoreUnavailable:
            log.debug("lead_not_resigned")

    def tick(self) -> None:
        """Do all chores that are due, if this process leads.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        leads = lead(self._store, self._name, lasts=self._lead)
        if leads != self._leads:
            log.info("housekeeper_leads" if leads else "housekeeper_follows")
        self._leads = leads
        if not leads:
            return
        chores: list[Callable[[], object]] = [
            lambda: reap(self._store, lease=self._lease),
            lambda: promote(self._store),
            lambda: hand_over(self._store),
            lambda: relay_outbox(self._store),
            self._ticking.tick,
        ]
        if time.monotonic() - self._seldom_at > SELDOM_SECONDS:
            self._seldom_at = time.monotonic()
            chores += [
                lambda: reconcile(self._store, self._publisher.ready),
                lambda: purge_expired(self._store),
                lambda: seal_batches(self._store),
                lambda: expire_files(self._store, self._storage),
                self._storage.sweep,
            ]
        for chore in chores:
            self._do(chore)

    def _do(self, chore: Callable[[], object]) -> None:
        try:
            chore()
        except StoreUnavailable:
            raise
        except Exception:
            # One chore that fails must not keep the others from being done.
            log.exception("chore_failed")
