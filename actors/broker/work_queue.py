"""What a worker has fetched of all its queues, the best first."""

from heapq import heappop, heappush
from itertools import count
from queue import PriorityQueue
from typing import Any


class WorkQueue(PriorityQueue[Any]):
    """Orders fetched messages by level and arrival, whichever queue they come from.

    Dramatiq's own goes by the priorities of actors, which are all the same here: what was fetched
    of one queue would go before better-ranked jobs of another.
    """

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._arrivals = count()
        self._heap: list[tuple[int, int, Any]] = []

    def _qsize(self) -> int:
        return len(self._heap)

    def _put(self, item: Any) -> None:
        level = getattr(item.message, "level", 0)
        heappush(self._heap, (-level, next(self._arrivals), item))

    def _get(self) -> Any:
        return heappop(self._heap)[-1]
