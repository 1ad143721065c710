"""The WSGI application."""

import falcon
import structlog

from api.authentication import Authentication
from api.media import Media, write_problem
from api.problems import INTERNAL_ERROR, problem_of
from api.request import Request
from api.routes import routes
from api.services import Services
from api.tracing import Tracing, begin
from api.urls import Addresses

log = structlog.get_logger(__name__)


def create_app(services: Services) -> falcon.App[Request, falcon.Response]:
    """Wire the HTTP layer; connects to nothing.

    Every error is answered as a problem, whether a resource, the core or the framework raised it.
    """
    settings = services.settings
    addresses = Addresses(settings.trusted_proxies)
    media = Media(max_bytes=settings.max_body_bytes, max_depth=settings.max_json_depth)
    table = routes(services, media)
    roles = {route.template: route.roles for route in table}
    app: falcon.App[Request, falcon.Response] = falcon.App(request_type=Request)
    app.req_options.strip_url_path_trailing_slash = True
    app.add_middleware(Tracing(addresses))
    app.add_middleware(Authentication(settings.api_keys, roles))
    for route in table:
        app.add_route(route.template, route.resource)

    def answer_error(
        req: Request, resp: falcon.Response, error: Exception, _params: object
    ) -> None:
        if not req.context.request_id:  # refused before any middleware ran
            begin(req, resp, addresses)
        problem = problem_of(error)
        if problem.kind is INTERNAL_ERROR:
            log.error("request_failed", request_id=req.context.request_id, exc_info=error)
        resp.status = problem.kind.status
        resp.set_headers(problem.headers)
        write_problem(resp, problem.body(req.context.urls, req.context.request_id))

    app.add_error_handler(Exception, answer_error)
    app.add_error_handler(falcon.HTTPError, answer_error)
    return app
