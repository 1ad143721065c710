"""Renews the leases of all runs of a worker, and learns of lost leases."""

from datetime import timedelta

from callboard.actors.runs import Runs
from callboard.jobs.errors import Cancelled, LeaseLost
from callboard.jobs.renew import renew
from callboard.jobs.store import Store


class LeaseRenewal:
    """Renews leases three times within the length of one.

    Args:
        runs: of this process.
        lease: how long a claim is valid without a renewal.
    """

    def __init__(self, store: Store, runs: Runs, *, lease: timedelta) -> None:
        self._store = store
        self._runs = runs
        self._lease = lease

    def renew(self) -> None:
        """Renew the leases of all runs in one call, and stop runs that were cancelled or lost.

        Raises:
            StoreUnavailable: Redis does not answer; the runs continue.
        """
        runs = {run.fence.job_id: run for run in self._runs}
        if not runs:
            return
        words = renew(self._store, [run.fence for run in runs.values()], lease=self._lease)
        for job_id, word in words.items():
            if word in ("cancel", "force"):
                runs[job_id].stop(Cancelled("The job was cancelled."), force=word == "force")
            elif word == "lost" and self._runs.find(job_id) is runs[job_id]:
                runs[job_id].stop(LeaseLost("The lease ran out; another worker may run the job."))
