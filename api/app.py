"""The WSGI application."""

import falcon

from callboard.api.authentication import Authentication, Keyring
from callboard.api.body_memory import BodyMemory
from callboard.api.host_check import HostCheck
from callboard.api.media import Media, write_problem
from callboard.api.problems.problem import problem_of
from callboard.api.problems.table import INTERNAL_ERROR
from callboard.api.rate_limit import RateLimit
from callboard.api.request import ReleaseHeld, Request
from callboard.api.routes import routes
from callboard.api.services import Services
from callboard.api.tracing.middleware import TenantInLog, Tracing, begin
from callboard.api.urls import Addresses
from callboard.jobs.errors import OperationError
from callboard.jobs.key_memory import KeyMemory
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger
from callboard.telemetry.redaction import stack_of

log = get_logger(__name__)


def create_app(services: Services) -> falcon.App[Request, falcon.Response]:
    """Build the HTTP application; it does not connect yet.

    Every error is answered as a problem, whether a resource, the core or the framework raised it.

    Raises:
        OperationError: a module of `CALLBOARD_ROUTES` is not as it must be.
    """
    settings = services.settings
    addresses = Addresses(settings.trusted_proxies, settings.public_url)
    memory = BodyMemory(settings.max_batch_bytes)
    media = Media(
        max_bytes=settings.max_body_bytes,
        max_depth=settings.max_json_depth,
        memory=memory,
        offload=services.compute,
    )
    keyring = Keyring(
        settings.api_keys,
        services.store,
        required=settings.require_keys,
        # The one-process server has no keys in Redis.
        memory=None
        if settings.embedded
        else KeyMemory(services.storage, settings.namespace, services.offload),
    )
    table = routes(services, media, keyring, memory)
    roles = {route.template: route.roles for route in table}
    app: falcon.App[Request, falcon.Response] = falcon.App(request_type=Request)
    app.req_options.strip_url_path_trailing_slash = True
    if services.telemetry is not None:
        from callboard.api.tracing.spans import RequestSpans  # noqa: PLC0415 — an extra that may be missing

        app.add_middleware(RequestSpans(services.telemetry))
    for each in (
        Tracing(addresses),
        ReleaseHeld(),
        HostCheck(addresses, settings.hosts, keyring.is_required),
        Authentication(keyring, roles),
        TenantInLog(),
        RateLimit(services.store, settings.rate_limit),
    ):
        app.add_middleware(each)
    for route in table:
        try:
            app.add_route(route.template, route.resource)
        except ValueError as error:
            raise OperationError(
                f"{route.tag}: {route.template}: a path must name the same field at the same place "
                "as the other routes"
            ) from error

    def answer_error(
        req: Request, resp: falcon.Response, error: Exception, _params: object
    ) -> None:
        if not req.context.request_id:  # refused before any middleware ran
            begin(req, resp, addresses)
        problem = problem_of(error)
        if problem.type is INTERNAL_ERROR:
            # The exception's message may quote the request.
            name = type(error).__name__
            log.error(LogEvent.REQUEST_FAILED, exception=name, stack=stack_of(error))
        resp.status = problem.type.status
        resp.set_headers(problem.headers)
        write_problem(resp, problem.body(req.context.urls, req.context.request_id))

    app.add_error_handler(Exception, answer_error)
    app.add_error_handler(falcon.HTTPError, answer_error)
    return app
