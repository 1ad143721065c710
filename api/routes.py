"""The one table of routes: where, what answers, and which role each method needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from callboard.api.acceptance import Acceptance
from callboard.api.answers import JobAnswers, JobReader
from callboard.api.authentication import Keyring
from callboard.api.batches.items import ITEM_DEPTH, BatchItems
from callboard.api.batches.resource import BatchesResource, BatchReader, BatchResource, BatchWaits
from callboard.api.callbacks.resource import CallbacksResource, ResendResource
from callboard.api.cancellation import CancelResource
from callboard.api.docs import DocsAssetResource, DocsResource
from callboard.api.estimates import Estimates, Threads
from callboard.api.files.content import FileContentResource
from callboard.api.files.downloads import Downloads
from callboard.api.files.form_jobs import FormReader
from callboard.api.files.resource import FileResource, FilesResource
from callboard.api.health import AliveResource, ReadyResource
from callboard.api.index import IndexResource
from callboard.api.joblog import LogResource
from callboard.api.jobs import JobResource, JobsResource
from callboard.api.listing import JobPages
from callboard.api.media import Media
from callboard.api.openapi.resource import OpenApiResource
from callboard.api.operation_jobs import OperationJobs
from callboard.api.operations import (
    OperationAnswers,
    OperationResource,
    OperationsResource,
    PauseResource,
)
from callboard.api.problems.pages import ProblemResource, ProblemsResource
from callboard.api.results import ResultResource
from callboard.api.retry_after import Durations
from callboard.api.retrying import RetryResource
from callboard.api.room import Room
from callboard.api.schedules import (
    ScheduleAnswers,
    SchedulePauseResource,
    ScheduleResource,
    SchedulesResource,
)
from callboard.api.services import Services
from callboard.api.streams import EventsResource
from callboard.api.workers import WorkersResource
from callboard.config import Role
from callboard.jobs.read import read_glances


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


def routes(services: Services, media: Media, keyring: Keyring, room: Room) -> tuple[Route, ...]:
    """Build every resource with what it needs."""
    settings, store = services.settings, services.store
    durations = Durations(store)
    reader = JobReader(store, inline_bytes=settings.inline_result_bytes)
    services.events.look_with(partial(read_glances, store))
    estimates = Estimates(store, durations, Threads(store))
    answers = JobAnswers(media, estimates)
    acceptance = Acceptance(services, reader, answers, estimates)
    downloads = Downloads(services.storage, services.transfers, services.offload)
    result = ResultResource(services, reader, answers, media, downloads)
    registry = services.registry
    described = OperationAnswers(store, durations, media)
    operations = OperationsResource(registry, described)
    submitting = OperationJobs(media, acceptance, FormReader(services, media))
    operation = OperationResource(registry, described, submitting)
    pause = PauseResource(registry, store, media, described, places=0)
    resume = PauseResource(registry, store, media, described, places=None)
    ready = ReadyResource(store, services.broker_trouble, media, services.draining, keyring)
    openapi = OpenApiResource(registry, keyring.is_required)
    scheduled = ScheduleAnswers(store, media)
    batches = BatchReader(store)
    batch_waits = BatchWaits(services, batches)
    # An item may be nested as deeply as the same submission alone.
    of_batches = Media(
        max_bytes=settings.max_batch_bytes,
        max_depth=settings.max_json_depth + ITEM_DEPTH,
        room=room,
        offload=services.compute,
    )
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
        Route(
            "/v1/jobs/{job_id}/callbacks",
            CallbacksResource(store, media, "job", reader.read),
            {"GET": "viewer"},
        ),
        Route(
            "/v1/jobs/{job_id}/callbacks/{delivery}/resend",
            ResendResource(store, media, "job", reader.read),
            {"POST": "client"},
        ),
        Route(
            "/v1/batches",
            BatchesResource(
                services, batches, of_batches, BatchItems(services, acceptance), batch_waits
            ),
            {"POST": "client"},
        ),
        Route(
            "/v1/batches/{batch_id}",
            BatchResource(store, batches, media, batch_waits),
            {"GET": "viewer", "DELETE": "client"},
        ),
        Route(
            "/v1/batches/{batch_id}/callbacks",
            CallbacksResource(store, media, "batch", batches.read),
            {"GET": "viewer"},
        ),
        Route(
            "/v1/batches/{batch_id}/callbacks/{delivery}/resend",
            ResendResource(store, media, "batch", batches.read),
            {"POST": "client"},
        ),
        Route("/v1/operations", operations, {"GET": "viewer"}),
        Route("/v1/operations/{name}", operation, {"GET": "viewer", "POST": "client"}),
        Route("/v1/operations/{name}/pause", pause, {"POST": "operator"}),
        Route("/v1/operations/{name}/resume", resume, {"POST": "operator"}),
        Route("/v1/schedules", SchedulesResource(scheduled), {"GET": "operator"}),
        Route(
            "/v1/schedules/{schedule}",
            ScheduleResource(store, registry, media, scheduled),
            dict.fromkeys(("GET", "PUT", "DELETE"), "operator"),
        ),
        Route(
            "/v1/schedules/{schedule}/pause",
            SchedulePauseResource(store, media, scheduled, paused=True),
            {"POST": "operator"},
        ),
        Route(
            "/v1/schedules/{schedule}/resume",
            SchedulePauseResource(store, media, scheduled, paused=False),
            {"POST": "operator"},
        ),
        Route("/v1/files", FilesResource(services, media), {"GET": "viewer", "POST": "client"}),
        Route(
            "/v1/files/{file_id}",
            FileResource(services, media),
            {"GET": "viewer", "DELETE": "client"},
        ),
        Route(
            "/v1/files/{file_id}/content",
            FileContentResource(services, downloads),
            {"GET": "viewer"},
        ),
        Route("/v1/workers", WorkersResource(store, media), {"GET": "operator"}),
        Route("/problems", ProblemsResource(media), {"GET": None}),
        Route("/problems/{slug}", ProblemResource(media), {"GET": None}),
        Route("/healthz", AliveResource(media), {"GET": None}),
        Route("/readyz", ready, {"GET": None}),
        Route("/openapi.json", openapi, {"GET": None}),
        Route("/", IndexResource(media), {"GET": None}),
        Route("/docs", DocsResource(), {"GET": None}),
        Route("/docs/assets/{digest}/{file}", DocsAssetResource(), {"GET": None}),
    )
    openapi.describe({route.template: route.roles for route in table})
    return table
