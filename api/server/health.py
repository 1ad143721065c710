"""Liveness and readiness of the web process."""

import threading
from collections.abc import Callable
from typing import Annotated, Final, Literal, NotRequired

import falcon
from pydantic import Field

from callboard.api.answer_types import TypedDict, Whole
from callboard.api.authentication import Keyring
from callboard.api.description import ResponseDescription, describe
from callboard.api.media import Media
from callboard.api.problems import table
from callboard.api.problems.problem import Problem
from callboard.api.problems.table import DRAINING, NOT_READY
from callboard.api.request import Request
from callboard.jobs.errors import StoreFull, StoreUnavailable
from callboard.jobs.queue_moves import unconsumed_queues
from callboard.jobs.redis_permissions import can_publish
from callboard.jobs.store import Store
from callboard.jobs.workers import list_workers

_LOST: Final = "Redis has lost its API keys and rejects every key; run `callboardctl keys create`."
_MUTE: Final = "Redis denies the user permission for pub/sub: waits and cancels take a second."


Trouble = Annotated[str, Field(description="What is wrong; null if the status is `up`.")]


class AliveObject(TypedDict):
    """The process answers."""

    status: Literal["alive"]


class CheckObject(TypedDict):
    """The state of one component."""

    status: Literal["up", "down"]
    detail: NotRequired[Trouble]


class RedisCheckObject(TypedDict):
    """The state of Redis; `full` accepts no new jobs, `mute` has no pub/sub."""

    status: Literal["up", "full", "mute", "down"]
    detail: NotRequired[Trouble]


class WorkersCheckObject(TypedDict):
    """The state of the workers."""

    status: Literal["up", "down", "unknown"]
    count: Whole | None


class QueuesCheckObject(TypedDict):
    """Whether every queue with jobs has a worker."""

    status: Literal["up", "down", "unknown"]
    unheard_jobs: Annotated[
        Whole | None, Field(description="Jobs in queues that no live worker consumes.")
    ]


class ChecksObject(TypedDict):
    """The state of all components."""

    redis: RedisCheckObject
    rabbitmq: CheckObject
    workers: WorkersCheckObject
    queues: QueuesCheckObject
    keys: NotRequired[CheckObject]


class ReadinessObject(TypedDict):
    """Whether the server accepts jobs; while `degraded`, accepted jobs may wait."""

    status: Literal["ready", "degraded"]
    checks: ChecksObject


class AliveResource:
    """`/healthz`: looks at nothing outside, so that no outage has processes restarted."""

    def __init__(self, media: Media) -> None:
        self._media = media

    @describe(
        id="isAlive",
        tag="Server",
        summary="Check liveness",
        description="Checks nothing outside the process, so that an outage elsewhere causes "
        "no restarts.",
        responses={
            200: ResponseDescription(
                description="The process is alive.", schema=AliveObject, headers=("Vary",)
            )
        },
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Say that the process answers."""
        alive: AliveObject = {"status": "alive"}
        self._media.write(req, resp, alive)

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

    @describe(
        id="isReady",
        tag="Server",
        summary="Check readiness",
        description="Reports the state of Redis, RabbitMQ, the workers and the queues.",
        responses={
            200: ResponseDescription(
                description="The server accepts jobs.", schema=ReadinessObject, headers=("Vary",)
            )
        },
        problems=(table.NOT_READY, table.DRAINING),
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """Look at everything that jobs need.

        Raises:
            Problem: this process stops, or Redis is away.
        """
        if self._draining.is_set():
            raise Problem(DRAINING, "Send requests to another process.")
        trouble = self._broker_trouble()
        checks: ChecksObject = {
            "redis": {"status": "up"},
            "rabbitmq": {"status": "up"} if trouble is None else _down(trouble),
            "workers": {"status": "unknown", "count": None},
            "queues": {"status": "unknown", "unheard_jobs": None},
        }
        try:
            workers = list_workers(self._store)
            checks["workers"] = {"status": "up" if workers else "down", "count": len(workers)}
            unheard = sum(unconsumed_queues(self._store, workers).values())
            checks["queues"] = {"status": "down" if unheard else "up", "unheard_jobs": unheard}
            if self._keyring.is_required() and self._keyring.lost:
                checks["keys"] = _down(_LOST)
            if not can_publish(self._store):
                checks["redis"] = {"status": "mute", "detail": _MUTE}
        except StoreFull as error:
            checks["redis"] = {"status": "full", "detail": str(error)}
        except StoreUnavailable as error:
            checks["redis"] = {"status": "down", "detail": str(error)}
            raise Problem(NOT_READY, str(error), members={"checks": checks}) from error
        ready = all(check["status"] == "up" for check in checks.values())  # type: ignore[index]  # each has one
        answer: ReadinessObject = {"status": "ready" if ready else "degraded", "checks": checks}
        self._media.write(req, resp, answer)

    on_head = on_get


def _down(trouble: str) -> CheckObject:
    return {"status": "down", "detail": trouble}
