"""What is known of how long jobs will wait and run."""

from dataclasses import dataclass
from typing import Final

from callboard.jobs.store import Store


@dataclass(frozen=True)
class Duration:
    """How long the runs of an operation took that succeeded lately.

    Attributes:
        spread_ms: how far they were from the mean, on average.
    """

    mean_ms: int
    spread_ms: int

    @property
    def soonest_ms(self) -> int:
        """How soon it is worth looking: runs that vary much are often shorter than the mean."""
        return max(0, self.mean_ms - self.spread_ms)


@dataclass(frozen=True)
class QueuePosition:
    """Where a queued job stands.

    Attributes:
        position: from 1; None when it is not known.
        running: how many jobs run now, for one that waits for a worker; None for a blocked one.
        limit: how many places the slot has at which it is blocked; None for one that is not.
    """

    position: int | None
    running: int | None = None
    limit: int | None = None


NOWHERE: Final = QueuePosition(None)


@dataclass(frozen=True)
class Estimate:
    """What is known of a queued job's future.

    Attributes:
        position: among those that wait for the same, from 1; None when unknown.
        start_s: seconds until it may start; None if unknown.
    """

    position: int | None = None
    start_s: float | None = None


UNKNOWN: Final = Estimate()


def read_duration(store: Store, operation: str) -> Duration | None:
    """Read how long runs of an operation took, or None before the first.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (known,) = store.pipeline(("HMGET", store.keys("stats", operation), "mean_ms", "spread_ms"))
    mean, spread = known
    return None if mean is None else Duration(int(mean), int(spread or 0))


def read_queue_position(store: Store, job_id: str) -> QueuePosition:
    """Find where a job stands, in one round trip; nowhere when it is not queued.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run("read_queue_position", store.keys("job", job_id), job_id=job_id)
    match answer.word:
        case "queued":
            return QueuePosition(answer.values[0], running=answer.values[1])
        case "blocked":
            return QueuePosition(answer.values[0], limit=answer.values[1])
    return NOWHERE


def start_s(place: QueuePosition, mean_s: float, threads: int) -> float | None:
    """Estimate in how many seconds a job starts: so many others must end before.

    Args:
        place: where it stands.
        mean_s: how long a run takes.
        threads: how many jobs the workers of its queue run at a time.

    Returns:
        None when nothing runs where it waits.
    """
    if place.position is None:
        return None
    at_a_time = threads if place.limit is None else min(threads, place.limit)
    if at_a_time < 1:
        return None
    busy = at_a_time if place.running is None else min(place.running, at_a_time)
    return max(0, busy + place.position - at_a_time) * mean_s / at_a_time
