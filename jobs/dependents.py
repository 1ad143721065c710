"""dependents: tell jobs that wait for others when these end, and check that they were told."""

from typing import Final

from callboard.jobs.store import Store

_MAX_RUNS: Final = 10
_MAX_LOOKS: Final = 2_000


def settle_dependents(store: Store, *, most: int = 100) -> int:
    """Tell dependents that a job has ended, where the script that ended it left some untold.

    Each is told once. The work of one call is bounded; the next call continues it.

    Returns:
        The number of ended jobs that still have untold dependents.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    left = 0
    for _ in range(_MAX_RUNS):
        answer = store.run("settle_dependents", store.keys("settling"), most=most)
        left = int(answer.values[0])
        if not left:
            break
    return left


def check_dependencies(store: Store, *, most: int = 500) -> int:
    """Compare waiting jobs with the jobs that they wait for, each about once a minute.

    A job that was not told of an end is told now. A missing record counts as lost once the job's
    message has had time to recover it.

    Returns:
        The number of waiting jobs that were checked.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "check_dependencies", store.keys("depending"), most=most, max_jobs=_MAX_LOOKS
    )
    return int(answer.values[0])
