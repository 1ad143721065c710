"""What the OpenAPI document says about a method of a route, beside the method itself."""

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
    """What a request carries.

    Attributes:
        schema: its schema's name.
        media: its types.
        also: further types, each with the name of its schema.
        encoding: how the parts of a form are written.
        examples: values by their names; each fits the schema.
    """

    schema: str
    media: tuple[str, ...] = BOTH
    also: Mapping[str, str] = field(default_factory=dict)
    encoding: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ResponseDescription:
    """One response that is not a problem.

    Attributes:
        description: what it means.
        schema: the type of its body, or the name of a schema; None when it has none.
        media: the media types of its body.
        also: further media types of its body, each with the name of its schema.
        headers: names of headers that it always has.
        optional_headers: names of headers that it may have.
        links: names of links to what can be asked next.
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
    """One method of one route.

    Attributes:
        id: its operationId.
        parameters: names of parameters, without those in the path.
        responses: those that are not problems, by status.
        problems: types of problems that it may be refused with, without those of every route.
        callbacks: names of what is sent later to an address in the request.
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
    """Describe a method of a resource; a request never looks at it.

    Args:
        fields: of `MethodDescription`.
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
