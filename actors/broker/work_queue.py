"""The messages that a worker has fetched from all its queues, the highest level first."""

from heapq import heappop, heappush
from itertools import count
from queue import PriorityQueue
from typing import Any


class WorkQueue(PriorityQueue[Any]):
    """Orders fetched messages by level and arrival, whichever queue they come from.

    Dramatiq's own sorts by the priorities of actors, which are all equal here: messages of one
    queue would precede those of higher levels from another.
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
