"""One request to run an operation: what the record, the message and `recover` are made from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, Literal, Self

from callboard.jobs.errors import NewerFormat

OnConflict = Literal["reject", "return", "replace"]
AfterPolicy = Literal["succeeded", "finished"]

DEFAULT_TENANT: Final = "default"
DEFAULT_PRIORITY: Final = 5
HIGHEST_PRIORITY: Final = 10
MAX_CRASHES: Final = 3
MAX_AFTER: Final = 1_000
"""How many jobs one may wait for."""

FORMAT: Final = 2
"""Of records and messages as this version makes them (ADR 32).

It grows when a version that does not know a change would run a job wrongly. The second has slots of
values, `max_running_per`; jobs without any are still made in the first.
"""
FIRST_FORMAT: Final = 1
"""Of those that say nothing."""

# A message's options are the fields below, and `result_ttl_ms`. All but the whole ones are text.
_WHOLE: Final = frozenset(
    {
        "format",
        "priority",
        "max_retries",
        "max_crashes",
        "attempt",
        "created_ms",
        "scheduled_ms",
    }
)
_SHORT: Final = (
    "tenant",
    "queue",
    "slots",
    "fingerprint",
    "idempotency_digest",
    "payload_fingerprint",
    "retry_of",
    "batch_id",
    "after_policy",
)
_LONG_TEXT: Final = ("request_id", "traceparent", "tracestate")
_AS_JSON: Final = ("labels", "callback", "files", "after")
_AS_IT_IS: Final = (*_SHORT, *_WHOLE, *_LONG_TEXT)
_LONG: Final = frozenset({*_LONG_TEXT, *_AS_JSON})


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A validated request.

    Attributes:
        job_id: a UUIDv7, made by whoever submits, so that a repeat is recognised.
        params: JSON-like parameters, validated.
        priority: 0 to 10, highest first.
        slots: places in shared slots besides the operation's own, as `resource:gpu=1,…`.
        value_limits: the declared places of its values' slots, by their classes; Redis is told of
            them, and neither record nor message has them.
        fingerprint: equal for submissions that count as the same; None when any may run.
        idempotency_digest: of the Idempotency-Key; the key itself is not kept.
        scheduled_ms: not before this time, milliseconds since 1970; None for now.
        traceparent: the span that submitted it, as W3C Trace Context writes it.
        tracestate: what belongs to that.
        files: ids of the files that the parameters name.
        after: ids of the jobs that have to end before this one starts; in a batch also `#3`, for
            the job of an earlier item.
        after_policy: whether these have to succeed; None where there are none.
        attempt: how many attempts there were before this message.
        created_ms: when it was accepted, by the clock of Redis.
        format: of the version that made it.
    """

    job_id: str
    operation: str
    params: Mapping[str, Any]
    tenant: str = DEFAULT_TENANT
    queue: str = "default"
    priority: int = DEFAULT_PRIORITY
    slots: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str | None = None
    on_conflict: OnConflict = "reject"
    idempotency_digest: str | None = None
    payload_fingerprint: str | None = None
    scheduled_ms: int | None = None
    result_ttl: timedelta = timedelta(hours=24)
    max_retries: int = 0
    max_crashes: int = MAX_CRASHES
    request_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    retry_of: str | None = None
    batch_id: str | None = None
    callback: Mapping[str, Any] | None = None
    files: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    after_policy: AfterPolicy | None = None
    value_limits: Mapping[str, int] = field(default_factory=dict)
    attempt: int = 0
    created_ms: int | None = None
    format: int = FORMAT

    def to_record(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the record's short fields, and those that may be long; none that is empty."""
        options = self.to_options()
        short = {name: str(value) for name, value in options.items() if name not in _LONG}
        fields = {name: value for name, value in short.items() if value}
        text = {name: options[name] for name in _LONG if options.get(name)}
        return {**fields, "operation": self.operation, "failures": "0", "crashes": "0"}, text

    def to_options(self) -> dict[str, Any]:
        """Return what a message carries besides operation, id and parameters."""
        values = vars(self)
        options = {name: values[name] for name in _AS_IT_IS if values[name] is not None}
        options["result_ttl_ms"] = self.result_ttl // timedelta(milliseconds=1)
        for name in _AS_JSON:
            if value := values[name]:
                options[name] = json.dumps(value if isinstance(value, tuple) else dict(value))
        return options

    @classmethod
    def from_options(
        cls, job_id: str, operation: str, params: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Self:
        """Undo `to_options`; options that this version does not know are ignored.

        Raises:
            KeyError: the message was not made from a submission.
            NewerFormat: it may mean something else than this version would read.
        """
        made_as = check_format(options)
        known = {name: options[name] for name in _AS_IT_IS if options.get(name) is not None}
        for name in _WHOLE & known.keys():
            known[name] = int(known[name])
        known["format"] = made_as
        return cls(
            job_id=job_id,
            operation=operation,
            params=params,
            labels=json.loads(options.get("labels") or "{}"),
            callback=json.loads(options.get("callback") or "null"),
            files=tuple(json.loads(options.get("files") or "[]")),
            after=tuple(json.loads(options.get("after") or "[]")),
            result_ttl=timedelta(milliseconds=int(options["result_ttl_ms"])),
            **known,
        )

    def limits_said(self) -> dict[str, str]:
        """Return its value limits as scripts take them."""
        return {slots: str(places) for slots, places in self.value_limits.items()}

    def created(self, at_ms: int) -> Self:
        """Give this submission as it stands once Redis has accepted it."""
        return replace(self, created_ms=at_ms)


def check_format(options: Mapping[str, Any]) -> int:
    """Return the format of what a record or a message says, without looking at the rest.

    Raises:
        NewerFormat: this version cannot read it.
        ValueError: it is no number.
    """
    made_as = int(options.get("format") or FIRST_FORMAT)
    if made_as > FORMAT:
        raise NewerFormat(made_as)
    return made_as
