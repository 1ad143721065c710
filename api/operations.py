"""Operations over HTTP: what can be run, and with which parameters."""

from typing import Any

import falcon

from api.media import Media
from api.request import Request
from api.retry_after import Durations
from api.urls import Urls
from jobs.operation import Operation
from jobs.registry import Registry


class OperationsResource:
    """All operations: `/v1/operations`."""

    def __init__(self, registry: Registry, durations: Durations, media: Media) -> None:
        self._registry = registry
        self._durations = durations
        self._media = media

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List what can be run, by name."""
        urls = req.context.urls
        items = [
            operation_object(each, self._durations.mean_ms(each.name), urls)
            for each in sorted(self._registry, key=lambda each: each.name)
        ]
        self._media.write(req, resp, {"items": items, "next": None})

    on_head = on_get


class OperationResource:
    """One operation: `/v1/operations/{name}`."""

    def __init__(self, registry: Registry, durations: Durations, media: Media) -> None:
        self._registry = registry
        self._durations = durations
        self._media = media

    def on_get(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Describe an operation."""
        found = self._registry.get(name)
        mean_ms = self._durations.mean_ms(found.name)
        self._media.write(req, resp, operation_object(found, mean_ms, req.context.urls))

    on_head = on_get


def operation_object(operation: Operation, mean_ms: int | None, urls: Urls) -> dict[str, Any]:
    """Render an operation.

    Args:
        operation: as declared.
        mean_ms: what past runs took; None before the first.
        urls: absolute addresses.
    """
    rules = operation.rules
    return {
        "name": operation.name,
        "description": operation.description,
        "parameters": operation.parameters.schema,
        "result": operation.parameters.result_schema,
        "limits": {
            "time_limit_seconds": rules.time_limit.total_seconds(),
            "max_running": rules.max_running,
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
