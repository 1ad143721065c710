"""dependents: jobs that wait for others: told of what has ended, and looked after."""

from typing import Final

from callboard.jobs.store import Store

_MAX_RUNS: Final = 10
_MAX_LOOKS: Final = 2_000


def settle_dependents(store: Store, *, most: int = 100) -> int:
    """Tell the jobs that wait for ended ones, where the script that ended these left some.

    Each is told once. A call is bounded; the next one goes on.

    Returns:
        How many ended jobs still have dependents that were not told.

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
    """Compare jobs that wait with those for which they wait, each about once a minute.

    A job that was not told of an end is told; one that Redis has lost counts as lost once its
    message had time to recover it.

    Returns:
        How many waiting jobs were looked at.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run(
        "check_dependencies", store.keys("depending"), most=most, most_jobs=_MAX_LOOKS
    )
    return int(answer.values[0])
