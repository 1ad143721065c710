"""The description of a route's method for the OpenAPI document, declared beside the method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from callboard.api.media import JSON, MSGPACK
from callboard.api.problems import table
from callboard.api.problems.problem_type import ProblemType

HTML: Final = "text/html"
EVENT_STREAM: Final = "text/event-stream"
BOTH: Final = (JSON, MSGPACK)
BODY_PROBLEMS: Final = (
    table.MALFORMED_BODY,
    table.LENGTH_REQUIRED,
    table.BODY_TOO_LARGE,
    table.UNSUPPORTED_MEDIA_TYPE,
)
"""Why a body cannot be read."""

Schema = dict[str, Any]
Method = TypeVar("Method", bound=Callable[..., None])
_ATTRIBUTE: Final = "description"


@dataclass(frozen=True, kw_only=True)
class BodyDescription:
    """The description of a request's body.

    Attributes:
        schema: its schema's name.
        media: its media types.
        also: further types, each with the name of its schema.
        encoding: the encoding of a form's parts.
        examples: valid values, by name.
    """

    schema: str
    media: tuple[str, ...] = BOTH
    also: Mapping[str, str] = field(default_factory=dict)
    encoding: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ResponseDescription:
    """The description of a response that is not a problem.

    Attributes:
        description: what it means.
        schema: the type of its body, or the name of a schema; None when it has none.
        media: the media types of its body.
        also: further media types of its body, each with the name of its schema.
        headers: names of headers that it always has.
        optional_headers: names of headers that it may have.
        links: names of links to possible next requests.
    """

    description: str
    schema: Any = None
    media: tuple[str, ...] = BOTH
    also: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    optional_headers: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MethodDescription:
    """The description of a method of a route.

    Attributes:
        id: its operationId.
        parameters: names of parameters, except those in the path.
        responses: the responses that are not problems, by status.
        problems: types of problems that it may respond with, except those of every route.
        callbacks: names of callbacks to a URL in the request.
    """

    id: str
    tag: str
    summary: str
    description: str
    responses: Mapping[int, ResponseDescription]
    problems: tuple[ProblemType, ...] = ()
    parameters: tuple[str, ...] = ()
    body: BodyDescription | None = None
    callbacks: tuple[str, ...] = ()


def describe(**fields: Any) -> Callable[[Method], Method]:
    """Attach a description to a method of a resource; requests never read it.

    Args:
        fields: the fields of `MethodDescription`.
    """
    described = MethodDescription(**fields)

    def attach(method: Method) -> Method:
        setattr(method, _ATTRIBUTE, described)
        return method

    return attach


def description_of(resource: object, method: str) -> MethodDescription | None:
    """Return how a resource describes a method of HTTP; None if it does not."""
    return getattr(getattr(resource, f"on_{method.lower()}", None), _ATTRIBUTE, None)


def named(name: str) -> Schema:
    """Refer to a schema of the document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}
