"""The table of routes: path, resource, and the role that each method needs."""

from functools import partial

from callboard.api.authentication import Keyring
from callboard.api.batches.items import ITEM_DEPTH, BatchItems
from callboard.api.batches.reading import BatchReader, BatchWaits
from callboard.api.batches.resource import BatchesResource, BatchResource
from callboard.api.body_memory import BodyMemory
from callboard.api.callbacks.resource import (
    BatchCallbacksResource,
    JobCallbacksResource,
    ResendBatchCallbackResource,
    ResendJobCallbackResource,
)
from callboard.api.event_stream import EventsResource
from callboard.api.extension.jobs import Jobs
from callboard.api.extension.loading import load_routes
from callboard.api.files.content import FileContentResource
from callboard.api.files.downloads import Downloads
from callboard.api.files.form_jobs import FormReader
from callboard.api.files.resource import FileResource, FilesResource
from callboard.api.jobs.acceptance import Acceptance
from callboard.api.jobs.archive import ArchiveResource
from callboard.api.jobs.cancel import CancelResource
from callboard.api.jobs.estimates import Estimates
from callboard.api.jobs.listing import JobPages
from callboard.api.jobs.log import LogResource
from callboard.api.jobs.resource import JobResource, JobsResource
from callboard.api.jobs.responder import JobReader, JobResponder
from callboard.api.jobs.result import ResultResource
from callboard.api.jobs.retry import RetryResource
from callboard.api.media import Media
from callboard.api.openapi.resource import OpenApiResource
from callboard.api.operations.resource import (
    OperationResource,
    OperationResponder,
    OperationsResource,
    PauseResource,
    ResumeResource,
)
from callboard.api.operations.submit import OperationJobs
from callboard.api.route import Route
from callboard.api.schedules.resource import (
    SchedulePauseResource,
    ScheduleResource,
    ScheduleResumeResource,
    SchedulesResource,
)
from callboard.api.schedules.responder import ScheduleResponder
from callboard.api.server.docs import DocsAssetResource, DocsResource
from callboard.api.server.health import AliveResource, ReadyResource
from callboard.api.server.index import IndexResource
from callboard.api.server.problem_pages import ProblemResource, ProblemsResource
from callboard.api.server.workers import WorkersResource
from callboard.api.services import Services
from callboard.jobs.read import read_status_snapshots


def routes(
    services: Services, media: Media, keyring: Keyring, memory: BodyMemory
) -> tuple[Route, ...]:
    """Build every resource with what it needs, and add those of the installation's modules.

    Raises:
        OperationError: a module of `CALLBOARD_ROUTES` is not as it must be.
    """
    settings, store = services.settings, services.store
    reader = JobReader(store, inline_bytes=settings.inline_result_bytes)
    services.events.look_with(partial(read_status_snapshots, store))
    estimates = Estimates(store)
    answers = JobResponder(media, estimates)
    acceptance = Acceptance(services, reader, answers, estimates)
    downloads = Downloads(services.storage, services.transfers, services.offload)
    result = ResultResource(services, reader, answers, media, downloads)
    registry = services.registry
    described = OperationResponder(services.submissions, estimates, media)
    operations = OperationsResource(registry, described)
    forms = FormReader(services, media)
    submitting = OperationJobs(media, acceptance, forms)
    operation = OperationResource(registry, described, submitting)
    pause = PauseResource(registry, store, media, described)
    resume = ResumeResource(registry, store, media, described)
    ready = ReadyResource(store, services.broker_trouble, media, services.draining, keyring)
    openapi = OpenApiResource(registry, keyring.is_required, services.compute)
    scheduled = ScheduleResponder(store, media)
    batches = BatchReader(store)
    batch_waits = BatchWaits(services, batches)
    # An item may be nested as deeply as the same submission alone.
    of_batches = Media(
        max_bytes=settings.max_batch_bytes,
        max_depth=settings.max_json_depth + ITEM_DEPTH,
        memory=memory,
        offload=services.compute,
    )
    table: tuple[Route, ...] = (
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
        Route(
            "/v1/jobs/{job_id}/archive",
            ArchiveResource(services, reader, answers, downloads),
            {"GET": "viewer"},
        ),
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
            JobCallbacksResource(store, media, reader.read),
            {"GET": "viewer"},
        ),
        Route(
            "/v1/jobs/{job_id}/callbacks/{delivery}/resend",
            ResendJobCallbackResource(store, media, reader.read),
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
            BatchCallbacksResource(store, media, batches.read),
            {"GET": "viewer"},
        ),
        Route(
            "/v1/batches/{batch_id}/callbacks/{delivery}/resend",
            ResendBatchCallbackResource(store, media, batches.read),
            {"POST": "client"},
        ),
        Route("/v1/operations", operations, {"GET": "viewer"}),
        Route("/v1/operations/{name}", operation, {"GET": "viewer", "POST": "client"}),
        Route("/v1/operations/{name}/pause", pause, {"POST": "operator"}),
        Route("/v1/operations/{name}/resume", resume, {"POST": "operator"}),
        Route("/v1/schedules", SchedulesResource(scheduled), {"GET": "operator"}),
        Route(
            "/v1/schedules/{schedule}",
            ScheduleResource(store, registry, media, scheduled, services.check),
            dict.fromkeys(("GET", "PUT", "DELETE"), "operator"),
        ),
        Route(
            "/v1/schedules/{schedule}/pause",
            SchedulePauseResource(store, media, scheduled),
            {"POST": "operator"},
        ),
        Route(
            "/v1/schedules/{schedule}/resume",
            ScheduleResumeResource(store, media, scheduled),
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
    jobs = Jobs(
        services,
        reader=reader,
        acceptance=acceptance,
        estimates=estimates,
        media=media,
        forms=forms,
    )
    table += load_routes(settings.routes, jobs, table)
    openapi.of_routes(table)
    return table
