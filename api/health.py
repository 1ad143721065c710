"""Whether this process lives, and whether it and what it needs can serve."""

import threading
from collections.abc import Callable
from typing import Any

import falcon

from api.media import Media
from api.problems.kinds import DRAINING, NOT_READY
from api.problems.problem import Problem
from api.request import Request
from jobs.errors import StoreUnavailable
from jobs.greet import fleet
from jobs.store import Store


class AliveResource:
    """`/healthz`: looks at nothing outside, so that no outage has processes restarted."""

    def __init__(self, media: Media) -> None:
        self._media = media

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Say that the process answers."""
        self._media.write(req, resp, {"status": "alive"})

    on_head = on_get


class ReadyResource:
    """`/readyz`: Redis, RabbitMQ and the workers, each named.

    Without Redis no request can be served: 503. Without RabbitMQ or workers jobs are still taken
    and kept, so the answer is 200 and says `degraded`: turning all traffic away would make of a
    delay an outage. A process that was told to stop says 503 as well, so that a load balancer
    sends it nothing more.
    """

    def __init__(
        self,
        store: Store,
        broker_ready: Callable[[], bool],
        media: Media,
        draining: threading.Event,
    ) -> None:
        self._store = store
        self._broker_ready = broker_ready
        self._media = media
        self._draining = draining

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Look at everything that jobs need.

        Raises:
            Problem: this process stops, or Redis is away.
        """
        if self._draining.is_set():
            raise Problem(DRAINING, "Send requests to another process.")
        checks: dict[str, dict[str, Any]] = {
            "redis": {"status": "up"},
            "rabbitmq": {"status": "up" if self._broker_ready() else "down"},
        }
        try:
            workers = len(fleet(self._store))
        except StoreUnavailable as error:
            checks["redis"]["status"] = "down"
            checks["workers"] = {"status": "unknown", "count": None}
            raise Problem(NOT_READY, str(error), members={"checks": checks}) from error
        checks["workers"] = {"status": "up" if workers else "down", "count": workers}
        ready = all(check["status"] == "up" for check in checks.values())
        answer = {"status": "ready" if ready else "degraded", "checks": checks}
        self._media.write(req, resp, answer)

    on_head = on_get
