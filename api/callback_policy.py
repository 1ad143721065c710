"""The member `callback` of a submission: its URL and events, and whether they are allowed."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from callboard.api.problems.problem import invalid_request
from callboard.config import Settings
from callboard.jobs.callbacks.url import MAX_URL_LENGTH, CallbackRefused, CallbackRules

JobEvent = Literal["job.running", "job.succeeded", "job.failed", "job.cancelled"]
BatchEvent = Literal["batch.completed"]
ENDS: Final[tuple[JobEvent, ...]] = ("job.succeeded", "job.failed", "job.cancelled")
MAX_EVENTS: Final = 10
_NO_KEY: Final = "This server delivers no callbacks: it has no CALLBOARD_SIGNING_KEY to sign them."


def _once_each(events: list[Any]) -> list[Any]:
    if len(set(events)) < len(events):
        raise ValueError("must name each event once")
    return events


Url = Annotated[
    str,
    Field(
        max_length=MAX_URL_LENGTH,
        pattern="^[Hh][Tt][Tt][Pp][Ss]?://.",
        description="An `https` URL with a public host, without user information or a fragment.",
        json_schema_extra={"format": "iri"},
    ),
]


class JobCallback(BaseModel):
    """Where to deliver a job's events."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: Url
    events: Annotated[
        list[JobEvent],
        Field(
            min_length=1,
            max_length=MAX_EVENTS,
            description="The events to deliver; by default those sent when a job ends.",
            json_schema_extra={"uniqueItems": True},
        ),
        AfterValidator(_once_each),
    ] = list(ENDS)


class BatchCallback(BaseModel):
    """Where to deliver the event that a batch has completed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: Url
    events: Annotated[
        list[BatchEvent],
        Field(
            min_length=1,
            max_length=MAX_EVENTS,
            description="The events to deliver.",
            json_schema_extra={"uniqueItems": True},
        ),
        AfterValidator(_once_each),
    ] = ["batch.completed"]


class CallbackPolicy:
    """Decides whether this server delivers callbacks, and to which URLs."""

    def __init__(self, settings: Settings) -> None:
        self._rules = CallbackRules.of(settings)
        self._signs = settings.signing_key is not None

    def accept(
        self,
        asked: JobCallback | BatchCallback,
        base: str,
        *,
        place: Callable[[tuple[int | str, ...]], str],
    ) -> dict[str, Any]:
        """Return the callback to store with the job or batch.

        Args:
            asked: the client's callback.
            base: the server's address as the client sees it, for what is delivered.
            place: returns where in the request a member was.

        Raises:
            Problem: 422; there is no signing key, or the URL is not allowed.
        """
        if not self._signs:
            raise invalid_request([(place(("callback",)), _NO_KEY)])
        try:
            self._rules.parse(asked.url)
        except CallbackRefused as error:
            raise invalid_request([(place(("callback", "url")), str(error))]) from error
        return {"url": asked.url, "events": list(asked.events), "base": base}
