"""The one table of routes: where, what answers, and which role each method needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.acceptance import Acceptance
from api.answers import JobAnswers, JobReader
from api.health import AliveResource, ReadyResource
from api.jobs import JobResource, JobsResource, ResultResource
from api.media import Media
from api.operations import OperationResource, OperationsResource
from api.retry_after import Durations
from api.services import Services
from config import Role


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


def routes(services: Services, media: Media) -> tuple[Route, ...]:
    """Build every resource with what it needs."""
    settings, store = services.settings, services.store
    durations = Durations(store)
    reader = JobReader(store, inline_bytes=settings.inline_result_bytes)
    services.events.look_with(reader.statuses)
    answers = JobAnswers(media, durations)
    acceptance = Acceptance(services, reader, answers, durations)
    result = ResultResource(store, reader, answers, media, max_bytes=settings.max_result_bytes)
    operations = OperationsResource(services.registry, durations, media)
    operation = OperationResource(services.registry, durations, media)
    ready = ReadyResource(store, services.broker_ready, media)
    return (
        Route("/v1/jobs", JobsResource(media, acceptance), {"POST": "client"}),
        Route(
            "/v1/jobs/{job_id}",
            JobResource(services, reader, answers),
            {"GET": "viewer", "DELETE": "client"},
        ),
        Route("/v1/jobs/{job_id}/result", result, {"GET": "viewer"}),
        Route("/v1/operations", operations, {"GET": "viewer"}),
        Route("/v1/operations/{name}", operation, {"GET": "viewer"}),
        Route("/healthz", AliveResource(media), {"GET": None}),
        Route("/readyz", ready, {"GET": None}),
    )
