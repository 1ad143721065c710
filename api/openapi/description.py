"""What the document says about one method of one route."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from callboard.api.media import JSON, MSGPACK
from callboard.api.problems.problem_type import ProblemType

HTML: Final = "text/html"
EVENT_STREAM: Final = "text/event-stream"
BOTH: Final = (JSON, MSGPACK)

Schema = dict[str, Any]


def named(name: str) -> Schema:
    """Refer to a schema of the document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True, kw_only=True)
class Body:
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
class Answer:
    """One answer that is no problem.

    Attributes:
        says: what it means.
        schema: the name of the schema of its body; None when it has none.
        media: the types of its body.
        also: further types of its body, each with the name of its schema.
        headers: names of headers that it always has.
        perhaps: names of headers that it may have.
        links: names of links to what can be asked next.
    """

    says: str
    schema: str | None = None
    media: tuple[str, ...] = BOTH
    also: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Description:
    """One method of one route.

    Attributes:
        id: its operationId.
        parameters: names of parameters, those in the path left out.
        answers: by status.
        problems: kinds with which it may be refused, those of every route left out.
        callbacks: names of what is sent later to an address in the request.
    """

    id: str
    tag: str
    summary: str
    says: str
    answers: Mapping[int, Answer]
    problems: tuple[ProblemType, ...] = ()
    parameters: tuple[str, ...] = ()
    body: Body | None = None
    callbacks: tuple[str, ...] = ()


Descriptions = Mapping[tuple[str, str], Description]
"""By a route's template and a method."""
