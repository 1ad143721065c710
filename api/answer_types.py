"""The scalar types of responses, with their OpenAPI descriptions.

A response is a `TypedDict` beside its renderer, named as its schema with `Object` at the end. It
costs nothing when a request is answered: only `callboard.api.openapi.answers` reads more of it
than its keys.
"""

from typing import Annotated, Final, TypeAlias

from pydantic import Field, WithJsonSchema
from typing_extensions import TypeAliasType, TypedDict

from callboard.jobs.ids import JOB_ID_PATTERN
from callboard.jobs.statuses import Status
from callboard.jobs.submission import HIGHEST_PRIORITY

__all__ = [
    "TypeAliasType",
    "TypedDict",
]  # pydantic reads `typing.TypedDict` only from Python 3.12 on

TIMESTAMP: Final = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
}
"""The schema of a time as responses write it."""

Address: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
Timestamp: TypeAlias = Annotated[str, WithJsonSchema(TIMESTAMP)]
JobId: TypeAlias = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": f"^{JOB_ID_PATTERN}$"})
]
Priority: TypeAlias = Annotated[int, Field(ge=0, le=HIGHEST_PRIORITY)]
Whole: TypeAlias = Annotated[int, Field(ge=0)]
Positive: TypeAlias = Annotated[int, Field(ge=1)]
Amount: TypeAlias = Annotated[float, Field(ge=0)]
Percent: TypeAlias = Annotated[float, Field(ge=0, le=100)]

Next: TypeAlias = Annotated[
    Address | None, Field(description="URL of the next page; null on the last page.")
]

JobStatus = TypeAliasType(
    "JobStatus",
    Annotated[Status, Field(description="`succeeded`, `failed` and `cancelled` are final.")],
)
Labels = TypeAliasType(
    "Labels", Annotated[dict[str, str], Field(description="Labels to find a job by.")]
)
