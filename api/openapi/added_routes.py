"""The descriptions of routes that an installation's own modules add."""

import inspect
import re
from typing import Any, Final

from callboard.api.description import (
    BODY_PROBLEMS,
    BodyDescription,
    MethodDescription,
    ResponseDescription,
    description_of,
)
from callboard.api.media import JSON
from callboard.api.openapi.headers import PATH
from callboard.api.route import Route

ANY_BODY: Final = "AnyBody"
ANY_ANSWER: Final = "AnyAnswer"
_WITH_BODY: Final = ("POST", "PUT", "PATCH")
_WORD: Final = re.compile(r"[A-Za-z0-9]+")


def description_in(route: Route, method: str) -> MethodDescription | None:
    """Return a method's description; for an added route without one, make it of the docstring."""
    described = description_of(route.resource, method)
    if described is not None or route.tag is None:
        return described
    responder = getattr(route.resource, f"on_{method.lower()}")
    summary, _, rest = (inspect.getdoc(responder) or f"{method} {route.template}").partition("\n")
    words = [word[:1].upper() + word[1:] for word in _WORD.findall(route.template)]
    with_body = method in _WITH_BODY
    return MethodDescription(
        id=method.lower() + "".join(words),
        tag=route.tag,
        summary=summary.rstrip("."),
        description=" ".join(rest.split()) or summary,
        body=BodyDescription(
            schema=ANY_BODY, media=(JSON,), also={"multipart/form-data": ANY_BODY}, required=False
        )
        if with_body
        else None,
        responses={
            200: ResponseDescription(description="The response.", schema=ANY_ANSWER, media=(JSON,))
        },
        problems=BODY_PROBLEMS if with_body else (),
    )


def path_parameter(name: str) -> dict[str, Any]:
    """Write a path parameter; one that Callboard does not know may be any text."""
    if name in PATH or name == "knownName":
        return {"$ref": f"#/components/parameters/{name}"}
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def tag_of(module: str) -> dict[str, str]:
    """Write the tag of a module's routes."""
    return {"name": module, "description": f"Routes that `{module}` adds to this server."}
