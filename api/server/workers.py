"""Workers over HTTP: which live, and what they run."""

from typing import Any

import falcon

from callboard.api.media import Media
from callboard.api.request import Request
from callboard.api.timestamps import timestamp
from callboard.jobs.store import Store
from callboard.jobs.workers import Worker, list_workers


class WorkersResource:
    """All workers: `/v1/workers`."""

    def __init__(self, store: Store, media: Media) -> None:
        self._store = store
        self._media = media

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List the workers with a heartbeat within 30 s."""
        items = [worker_object(each) for each in list_workers(self._store)]
        self._media.write(req, resp, {"items": items, "next": None})

    on_head = on_get


def worker_object(worker: Worker) -> dict[str, Any]:
    """Render a worker as it was at its last heartbeat."""
    since, heartbeat_at = worker.since, worker.last_heartbeat_at
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
        "since": None if since is None else timestamp(since),
        "last_hello_at": None if heartbeat_at is None else timestamp(heartbeat_at),
    }
