"""Operations over HTTP: what can be run and with which parameters, and whether it is paused."""

from collections.abc import Sequence
from typing import Any, Literal

import falcon

from callboard.api.bodies import Nothing, parse_body
from callboard.api.jobs.retry_after import Durations
from callboard.api.media import Media
from callboard.api.operations.submit import OperationJobs
from callboard.api.request import Request
from callboard.api.urls import Urls
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.limit import Limit, limit, limits_in_effect, operation_slot, waiting_at
from callboard.jobs.operation import Operation
from callboard.jobs.registry import Registry
from callboard.jobs.store import Store


class OperationResponder:
    """Answers with operations as they are now."""

    def __init__(self, store: Store, durations: Durations, media: Media) -> None:
        self._store = store
        self._durations = durations
        self._media = media

    def send(self, req: Request, resp: falcon.Response, operation: Operation) -> None:
        """Answer with one operation."""
        (shown,) = self.objects([operation], req.context.urls)
        self._media.write(req, resp, shown)

    def send_all(
        self, req: Request, resp: falcon.Response, operations: Sequence[Operation]
    ) -> None:
        """Answer with a list."""
        items = self.objects(operations, req.context.urls)
        self._media.write(req, resp, {"items": items, "next": None})

    def objects(self, operations: Sequence[Operation], urls: Urls) -> list[dict[str, Any]]:
        """Render operations; what only Redis knows is null while it is away."""
        limits: Sequence[Limit | None]
        waiting: Sequence[int | None]
        try:
            waiting = waiting_at(self._store, [operation_slot(each.name) for each in operations])
            limits = limits_in_effect(
                self._store,
                {operation_slot(each.name): each.rules.max_running for each in operations},
            )
        except StoreUnavailable:
            limits, waiting = [None] * len(operations), [None] * len(operations)
        return [
            operation_object(each, self._durations.mean_ms(each.name), urls, now, waiting=blocked)
            for each, now, blocked in zip(operations, limits, waiting, strict=True)
        ]


class OperationsResource:
    """All operations: `/v1/operations`."""

    def __init__(self, registry: Registry, answers: OperationResponder) -> None:
        self._registry = registry
        self._answers = answers

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List what can be run: what is of this installation by name, then the examples."""
        self._answers.send_all(req, resp, self._registry.listed())

    on_head = on_get


class OperationResource:
    """One operation: `/v1/operations/{name}`."""

    def __init__(
        self, registry: Registry, answers: OperationResponder, jobs: OperationJobs
    ) -> None:
        self._registry = registry
        self._answers = answers
        self._jobs = jobs

    def on_get(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Describe an operation."""
        self._answers.send(req, resp, self._registry.get(name))

    on_head = on_get

    def on_post(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Submit a job of this operation; the body is its parameters."""
        self._jobs.submit(req, resp, self._registry.get(name))


class PauseResource:
    """Stop or start the claims of one operation: `/v1/operations/{name}/pause` and `/resume`.

    Args:
        places: how many jobs the pause lets run: 0, or None to end it.
    """

    def __init__(
        self,
        registry: Registry,
        store: Store,
        media: Media,
        answers: OperationResponder,
        *,
        places: Literal[0] | None,
    ) -> None:
        self._registry = registry
        self._store = store
        self._media = media
        self._answers = answers
        self._places = places

    def on_post(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Say so for all workers at once, and answer with the operation; a repeat does no harm.

        Jobs that run go on, and submissions are taken. A resume starts waiting jobs at once, as
        many as the limits that were there before allow.
        """
        parse_body(Nothing, self._media.read_optional(req))
        operation = self._registry.get(name)
        limit(self._store, {operation_slot(operation.name): self._places}, source="pause")
        self._answers.send(req, resp, operation)


def operation_object(
    operation: Operation,
    mean_ms: int | None,
    urls: Urls,
    now: Limit | None,
    *,
    waiting: int | None = None,
) -> dict[str, Any]:
    """Render an operation.

    Args:
        operation: as declared.
        mean_ms: what past runs took; None before the first.
        urls: absolute addresses.
        now: the limit that counts now; None when nobody can tell.
        waiting: how many jobs wait at it; None when nobody can tell.
    """
    rules = operation.rules
    return {
        "name": operation.name,
        "description": operation.description,
        "parameters": operation.parameters.schema,
        "result": operation.parameters.result_schema,
        "paused": None if now is None else now.paused,
        "waiting": waiting,
        "limits": {
            "time_limit_seconds": rules.time_limit.total_seconds(),
            "max_running": rules.max_running,
            "max_running_now": None if now is None else now.places,
            "max_active": rules.max_active,
            "max_retries": rules.max_retries,
            "slots": dict(rules.slots),
        },
        "unique": rules.unique or rules.unique_by is not None,
        "on_conflict": rules.on_conflict,
        "wait_seconds": rules.wait.total_seconds(),
        "result_ttl_seconds": rules.result_ttl.total_seconds(),
        "typical_duration_seconds": None if mean_ms is None else mean_ms / 1000,
        "links": {"self": urls.operation(operation.name)},
    }
