"""Whether this process lives, and whether it and what it needs can serve."""

import threading
from collections.abc import Callable
from typing import Any, Final

import falcon

from callboard.api.authentication import Keyring
from callboard.api.media import Media
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import DRAINING, NOT_READY
from callboard.api.request import Request
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.outages import NO_MEMORY, outage_of
from callboard.jobs.queue_moves import unheard_queues
from callboard.jobs.redis_permissions import is_heard
from callboard.jobs.store import Store
from callboard.jobs.workers import list_workers

_LOST: Final = "Redis has lost its API keys and rejects every key; run `callboardctl keys create`."
_UNKNOWN: Final = {"status": "unknown", "count": None}
_UNHEARD: Final = {"status": "unknown", "unheard_jobs": None}
_MUTE: Final = "Redis denies the user permission for pub/sub: waits and cancels take a second."


class AliveResource:
    """`/healthz`: looks at nothing outside, so that no outage has processes restarted."""

    def __init__(self, media: Media) -> None:
        self._media = media

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Say that the process answers."""
        self._media.write(req, resp, {"status": "alive"})

    on_head = on_get


class ReadyResource:
    """`/readyz`: Redis, RabbitMQ, the workers and the queues that they listen to, each named.

    Without Redis no request can be served: 503. Without RabbitMQ or workers, or where jobs wait in
    a queue without a worker, jobs are still taken and kept, so the answer is 200 and says
    `degraded`: turning all traffic away would make of a delay an outage. So it is while Redis is
    full, for what there is runs, ends and can be read. A process that was told to stop says 503 as
    well, so that a load balancer sends it nothing more.
    """

    def __init__(
        self,
        store: Store,
        broker_trouble: Callable[[], str | None],
        media: Media,
        draining: threading.Event,
        keyring: Keyring,
    ) -> None:
        self._store = store
        self._broker_trouble = broker_trouble
        self._media = media
        self._draining = draining
        self._keyring = keyring

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Look at everything that jobs need.

        Raises:
            Problem: this process stops, or Redis is away.
        """
        if self._draining.is_set():
            raise Problem(DRAINING, "Send requests to another process.")
        trouble = self._broker_trouble()
        checks = {
            "redis": {"status": "up"},
            "rabbitmq": _check(trouble),
            "workers": dict(_UNKNOWN),
            "queues": dict(_UNHEARD),
        }
        try:
            workers = list_workers(self._store)
            checks["workers"] = {"status": "up" if workers else "down", "count": len(workers)}
            unheard = sum(unheard_queues(self._store, workers).values())
            checks["queues"] = {"status": "down" if unheard else "up", "unheard_jobs": unheard}
            if self._keyring.is_required() and self._keyring.lost:
                checks["keys"] = _check(_LOST)
            if not is_heard(self._store):
                checks["redis"] = _check(_MUTE, status="mute")
        except StoreUnavailable as error:
            full = outage_of(error.__cause__ or error) == NO_MEMORY
            checks["redis"] = _check(str(error), status="full" if full else "down")
            if not full:
                raise Problem(NOT_READY, str(error), members={"checks": checks}) from error
        ready = all(check["status"] == "up" for check in checks.values())
        answer = {"status": "ready" if ready else "degraded", "checks": checks}
        self._media.write(req, resp, answer)

    on_head = on_get


def _check(trouble: str | None, *, status: str = "down") -> dict[str, Any]:
    return {"status": "up"} if trouble is None else {"status": status, "detail": trouble}
