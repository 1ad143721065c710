"""The one table of routes: where, what answers, and which role each method needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from api.acceptance import Acceptance
from api.answers import JobAnswers, JobReader
from api.authentication import Keyring
from api.cancellation import CancelResource
from api.docs import DocsAssetResource, DocsResource
from api.estimates import Estimates, Threads
from api.health import AliveResource, ReadyResource
from api.joblog import LogResource
from api.jobs import JobResource, JobsResource, ResultResource
from api.listing import JobPages
from api.media import Media
from api.openapi.resource import OpenApiResource
from api.operation_jobs import OperationJobs
from api.operations import (
    OperationAnswers,
    OperationResource,
    OperationsResource,
    PauseResource,
)
from api.problem_pages import ProblemResource, ProblemsResource
from api.retry_after import Durations
from api.retrying import RetryResource
from api.services import Services
from api.streams import EventsResource
from api.workers import WorkersResource
from config import Role
from jobs.read import read_glances


@dataclass(frozen=True)
class Route:
    """One address.

    Attributes:
        template: its path.
        resource: what answers.
        roles: the role that each method needs, None for everybody; HEAD is as GET.
    """

    template: str
    resource: object
    roles: Mapping[str, Role | None]


def routes(services: Services, media: Media, keyring: Keyring) -> tuple[Route, ...]:
    """Build every resource with what it needs."""
    settings, store = services.settings, services.store
    durations = Durations(store)
    reader = JobReader(store, inline_bytes=settings.inline_result_bytes)
    services.events.look_with(partial(read_glances, store))
    estimates = Estimates(store, durations, Threads(store))
    answers = JobAnswers(media, estimates)
    acceptance = Acceptance(services, reader, answers, estimates)
    result = ResultResource(store, reader, answers, media, max_bytes=settings.max_result_bytes)
    registry = services.registry
    described = OperationAnswers(store, durations, media)
    operations = OperationsResource(registry, described)
    operation = OperationResource(registry, described, OperationJobs(media, acceptance))
    pause = PauseResource(registry, store, media, described, places=0)
    resume = PauseResource(registry, store, media, described, places=None)
    ready = ReadyResource(store, services.broker_ready, media)
    openapi = OpenApiResource(registry, keyring.is_required)
    table = (
        Route(
            "/v1/jobs",
            JobsResource(media, acceptance, JobPages(store, answers, media)),
            {"GET": "viewer", "POST": "client"},
        ),
        Route(
            "/v1/jobs/{job_id}",
            JobResource(services, reader, answers),
            {"GET": "viewer", "DELETE": "client"},
        ),
        Route("/v1/jobs/{job_id}/result", result, {"GET": "viewer"}),
        Route("/v1/jobs/{job_id}/log", LogResource(store, reader, media), {"GET": "viewer"}),
        Route(
            "/v1/jobs/{job_id}/events",
            EventsResource(services, reader, answers),
            {"GET": "viewer"},
        ),
        Route(
            "/v1/jobs/{job_id}/cancel",
            CancelResource(store, reader, answers, media),
            {"POST": "client"},
        ),
        Route(
            "/v1/jobs/{job_id}/retry",
            RetryResource(store, reader, answers, media, acceptance),
            {"POST": "client"},
        ),
        Route("/v1/operations", operations, {"GET": "viewer"}),
        Route("/v1/operations/{name}", operation, {"GET": "viewer", "POST": "client"}),
        Route("/v1/operations/{name}/pause", pause, {"POST": "operator"}),
        Route("/v1/operations/{name}/resume", resume, {"POST": "operator"}),
        Route("/v1/workers", WorkersResource(store, media), {"GET": "operator"}),
        Route("/problems", ProblemsResource(media), {"GET": None}),
        Route("/problems/{slug}", ProblemResource(media), {"GET": None}),
        Route("/healthz", AliveResource(media), {"GET": None}),
        Route("/readyz", ready, {"GET": None}),
        Route("/openapi.json", openapi, {"GET": None}),
        Route("/docs", DocsResource(), {"GET": None}),
        Route("/docs/assets/{digest}/{file}", DocsAssetResource(), {"GET": None}),
    )
    openapi.describe({route.template: route.roles for route in table})
    return table
