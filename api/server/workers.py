"""Workers over HTTP: which live, and what they run."""

from typing import Annotated

import falcon
from pydantic import Field

from callboard.api.answer_types import JobId, Next, Timestamp, TypedDict, Whole
from callboard.api.description import ResponseDescription, describe
from callboard.api.media import Media
from callboard.api.request import Request
from callboard.api.times import optional_time
from callboard.jobs.store import Store
from callboard.jobs.workers import Worker, list_workers


class WorkerObject(TypedDict):
    """A worker process as it was at its last heartbeat."""

    id: str
    host: str
    pid: Whole
    version: Annotated[str | None, Field(description="The worker's version of Callboard.")]
    queues: list[str]
    operations: list[str]
    threads: Annotated[Whole, Field(description="How many jobs the worker can run at once.")]
    stuck_threads: Annotated[
        Whole,
        Field(description="Threads whose function was told to stop but continues."),
    ]
    dead_threads: Annotated[
        Whole,
        Field(description="Threads that have ended and run no more jobs."),
    ]
    running: Annotated[list[JobId], Field(description="The jobs that are running.")]
    since: Timestamp | None
    last_hello_at: Timestamp | None


class WorkerPageObject(TypedDict):
    """All live workers."""

    items: list[WorkerObject]
    next: Next


class WorkersResource:
    """All workers: `/v1/workers`."""

    def __init__(self, store: Store, media: Media) -> None:
        self._store = store
        self._media = media

    @describe(
        id="listWorkers",
        tag="Server",
        summary="List workers",
        description="Lists the live workers and the jobs that they run. For operators.",
        responses={
            200: ResponseDescription(
                description="All live workers.", schema=WorkerPageObject, headers=("Vary",)
            )
        },
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List the workers with a heartbeat within 30 s."""
        items = [worker_object(each) for each in list_workers(self._store)]
        shown: WorkerPageObject = {"items": items, "next": None}
        self._media.write(req, resp, shown)

    on_head = on_get


def worker_object(worker: Worker) -> WorkerObject:
    """Render a worker as it was at its last heartbeat."""
    return {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version or None,
        "queues": list(worker.queues),
        "operations": list(worker.operations),
        "threads": worker.threads,
        "stuck_threads": worker.stuck_threads,
        "dead_threads": worker.dead_threads,
        "running": list(worker.running),
        "since": optional_time(worker.since),
        "last_hello_at": optional_time(worker.last_heartbeat_at),
    }
