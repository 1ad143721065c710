"""Loads the modules named in `CALLBOARD_ROUTES`, and checks the routes that they add."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, get_args

from callboard.api.extension.jobs import Jobs
from callboard.api.route import Route
from callboard.config import Role
from callboard.jobs.errors import OperationError
from callboard.jobs.registry import import_module

_TEMPLATE: Final = re.compile(r"(?:/(?:[A-Za-z0-9._~-]+|\{[a-z][a-z0-9_]*\}))+")
_RESERVED: Final = ("/v1", "/problems", "/docs")
_ROLES: Final = (None, *get_args(Role))
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")

Make = Callable[[Jobs], Iterable[Route]]


def load_routes(modules: Sequence[str], jobs: Jobs, ours: Sequence[Route]) -> tuple[Route, ...]:
    """Collect the routes that modules add.

    Args:
        modules: as `CALLBOARD_ROUTES` names them: `package.module`, or `/prefix=package.module`
            to put its routes under that prefix instead of its own `PREFIX`.
        jobs: passed to each module's function `routes`.
        ours: Callboard's own routes.

    Raises:
        OperationError: a module cannot be imported or has no such function, or a route is invalid.
    """
    taken = {_shape(route.template): "Callboard itself" for route in ours}
    found: list[Route] = []
    for spec in modules:
        prefix, _, name = spec.rpartition("=")
        for route in _routes_of(name, prefix or None, jobs):
            shape = _shape(route.template)
            if shape in taken:
                raise _fault(name, f"{route.template} is a route of {taken[shape]}")
            taken[shape] = name
            found.append(route)
    return tuple(found)


def _routes_of(name: str, prefix: str | None, jobs: Jobs) -> Iterable[Route]:
    module = import_module(name)
    make: Make | None = getattr(module, "routes", None)
    if not callable(make):
        raise _fault(name, "this module has no function `routes(jobs)` that returns its routes")
    before = str(getattr(module, "PREFIX", "")) if prefix is None else prefix
    for route in make(jobs):
        if not isinstance(route, Route):
            raise _fault(name, f"routes() returned {type(route).__name__}; it must return Routes")
        yield _checked(name, before.rstrip("/"), route)


def _checked(name: str, prefix: str, route: Route) -> Route:
    template = prefix + route.template
    if not _TEMPLATE.fullmatch(template):
        raise _fault(name, f"{template!r} is not a path such as /api/jobs/{{job_id}}/status")
    if any(template == each or template.startswith(f"{each}/") for each in _RESERVED):
        raise _fault(name, f"{template} begins like Callboard's own paths; choose a prefix")
    for method, role in route.roles.items():
        if method not in _METHODS:
            raise _fault(name, f"{template}: {method!r} is not one of {', '.join(_METHODS)}")
        if role not in _ROLES:
            raise _fault(name, f"{template}: {role!r} is not a role")
        if not callable(_responder(route.resource, method)):
            raise _fault(name, f"{template}: its resource has no on_{method.lower()}")
    undeclared = [
        method
        for method in _METHODS
        if _responder(route.resource, method) and method not in route.roles
    ]
    if undeclared:
        raise _fault(name, f"{template}: {', '.join(undeclared)} has no role; None admits everyone")
    return Route(template, route.resource, dict(route.roles), tag=name)


def _responder(resource: object, method: str) -> Any:
    return getattr(resource, f"on_{method.lower()}", None)


def _shape(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template)


def _fault(name: str, why: str) -> OperationError:
    return OperationError(f"{name}: {why}")
