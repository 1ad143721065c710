"""Operations over HTTP: list, describe, pause and resume them."""

from collections.abc import Sequence
from typing import Final, Literal

import falcon

from callboard.api.bodies import Nothing, parse_body
from callboard.api.description import BodyDescription, ResponseDescription, describe
from callboard.api.jobs.estimates import Estimates
from callboard.api.jobs.submission_description import (
    SUBMISSION_HEADERS,
    SUBMISSION_PROBLEMS,
    SUBMISSION_RESPONSES,
)
from callboard.api.media import Media
from callboard.api.operations.render import (
    OperationObject,
    OperationPageObject,
    operation_object,
)
from callboard.api.operations.submit import OperationJobs
from callboard.api.problems import table
from callboard.api.request import Request
from callboard.api.urls import Urls
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.limit import (
    Limit,
    limit,
    limits_in_effect,
    operation_slot,
    waiting_at,
)
from callboard.jobs.operation import Operation
from callboard.jobs.registry import Registry
from callboard.jobs.store import Store
from callboard.jobs.submission_service import SubmissionService

_AS_IT_IS: Final = {
    200: ResponseDescription(
        description="The operation's current state.", schema=OperationObject, headers=("Vary",)
    )
}
_OPTIONS: Final = (
    "priority",
    "delay_seconds",
    "run_at",
    "result_ttl_seconds",
    "labels",
    "callback_url",
    "callback_events",
    "after_jobs",
    "after_policy",
)


class OperationResponder:
    """Responds with operations."""

    def __init__(self, submissions: SubmissionService, estimates: Estimates, media: Media) -> None:
        self._submissions = submissions
        self._store = submissions.store
        self._estimates = estimates
        self._media = media

    def send(self, req: Request, resp: falcon.Response, operation: Operation) -> None:
        """Send one operation."""
        (shown,) = self.objects([operation], req.context.urls)
        self._media.write(req, resp, shown)

    def send_all(
        self, req: Request, resp: falcon.Response, operations: Sequence[Operation]
    ) -> None:
        """Send a list."""
        items = self.objects(operations, req.context.urls)
        shown: OperationPageObject = {"items": items, "next": None}
        self._media.write(req, resp, shown)

    def objects(self, operations: Sequence[Operation], urls: Urls) -> list[OperationObject]:
        """Render operations; what only Redis knows is null while it is unavailable."""
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
            operation_object(
                each,
                self._mean_ms(each),
                urls,
                now,
                waiting=blocked,
                limits=self._submissions.limits_of(each, payer=""),
            )
            for each, now, blocked in zip(operations, limits, waiting, strict=True)
        ]

    def _mean_ms(self, operation: Operation) -> int | None:
        known = self._estimates.duration(operation.name)
        return None if known is None else known.mean_ms


class OperationsResource:
    """All operations: `/v1/operations`."""

    def __init__(self, registry: Registry, answers: OperationResponder) -> None:
        self._registry = registry
        self._answers = answers

    @describe(
        id="listOperations",
        tag="Operations",
        summary="List operations",
        description="Lists the operations of this server by name.",
        responses={
            200: ResponseDescription(
                description="All operations.", schema=OperationPageObject, headers=("Vary",)
            ),
        },
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List operations by name."""
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

    @describe(
        id="getOperation",
        tag="Operations",
        summary="Get an operation",
        description="Describes an operation.",
        responses={
            200: ResponseDescription(
                description="The operation.", schema=OperationObject, headers=("Vary",)
            )
        },
        problems=(table.UNKNOWN_OPERATION,),
    )
    def on_get(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Describe an operation."""
        self._answers.send(req, resp, self._registry.get(name))

    on_head = on_get

    @describe(
        id="runOperation",
        tag="Operations",
        summary="Run an operation",
        description="Submits a job; the body contains the operation's parameters.",
        parameters=(*SUBMISSION_HEADERS, *_OPTIONS),
        body=BodyDescription(schema="AnyParameters"),
        callbacks=("jobEventByQuery",),
        responses=SUBMISSION_RESPONSES,
        problems=(*SUBMISSION_PROBLEMS, table.UNKNOWN_OPERATION, table.DUPLICATE_JOB),
    )
    def on_post(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Submit a job of this operation; the body is its parameters."""
        self._jobs.submit(req, resp, self._registry.get(name))


class _SetPaused:
    """Stops or starts the claims of one operation."""

    _places: Literal[0] | None
    """How many jobs the pause lets run: 0, or None to end it."""

    def __init__(
        self, registry: Registry, store: Store, media: Media, answers: OperationResponder
    ) -> None:
        self._registry = registry
        self._store = store
        self._media = media
        self._answers = answers

    def _set(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Tell all workers at once, and answer with the operation; a repeat is safe.

        Running jobs continue, submissions are accepted. A resume starts waiting jobs at once, as
        many as the earlier limits allow.
        """
        parse_body(Nothing, self._media.read_optional(req))
        operation = self._registry.get(name)
        limit(self._store, {operation_slot(operation.name): self._places}, source="pause")
        self._answers.send(req, resp, operation)


class PauseResource(_SetPaused):
    """Where an operation is paused: `/v1/operations/{name}/pause`."""

    _places = 0

    @describe(
        id="pauseOperation",
        tag="Operations",
        summary="Pause an operation",
        description="Stops jobs of the operation from starting. Running jobs continue. For "
        "operators.",
        responses=_AS_IT_IS,
        problems=(table.UNKNOWN_OPERATION,),
    )
    def on_post(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Stop claims."""
        self._set(req, resp, name)


class ResumeResource(_SetPaused):
    """Where an operation is resumed: `/v1/operations/{name}/resume`."""

    _places = None

    @describe(
        id="resumeOperation",
        tag="Operations",
        summary="Resume an operation",
        description="Lets jobs of the operation start again. For operators.",
        responses=_AS_IT_IS,
        problems=(table.UNKNOWN_OPERATION,),
    )
    def on_post(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Start claims."""
        self._set(req, resp, name)
