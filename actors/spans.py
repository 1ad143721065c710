"""A span for each run, linked to the span that submitted the job; only where telemetry is on."""

from typing import Final

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    Link,
    SpanKind,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from callboard.actors.invocation.failures import names
from callboard.actors.runs import Run
from callboard.actors.wakeups import queue_name
from callboard.jobs.submission import Submission
from callboard.telemetry.traces import Telemetry

# What a worker does on purpose is no error of the run.
_NO_ERROR: Final = frozenset({"succeeded", "cancelled", "released"})


class RunSpans:
    """Begins and ends the span of each run, in the thread that runs the function.

    Args:
        telemetry: makes the spans.
        system: where messages come from.
        namespace: begins the name of each queue.
    """

    def __init__(self, telemetry: Telemetry, *, system: str, namespace: str) -> None:
        self._tracer = telemetry.tracer
        self._system = system
        self._namespace = namespace

    def begin(self, run: Run) -> None:
        """Begin a trace of its own, below which the function's own spans are."""
        submission = run.submission
        attributes: dict[str, str | int] = {
            "messaging.system": self._system,
            "messaging.operation.type": "process",
            "messaging.operation.name": "run",
            "messaging.destination.name": queue_name(self._namespace, submission.queue),
            "messaging.message.id": submission.job_id,
            "callboard.job.id": submission.job_id,
            "callboard.operation": submission.operation,
            "callboard.attempt": run.fence.attempt,
            "callboard.tenant": submission.tenant,
        }
        if submission.request_id:
            attributes["messaging.message.conversation_id"] = submission.request_id
            attributes["callboard.request_id"] = submission.request_id
        span = self._tracer.start_span(
            f"run {submission.operation}",
            context=Context(),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            links=_links(submission),
        )
        run.span = span, attach(set_span_in_context(span))

    def end(self, run: Run, error: BaseException | None) -> None:
        """End the span with the run's outcome; what the exception says stays out."""
        if run.span is None:
            return
        span, token = run.span
        run.span = None
        span.set_attribute("callboard.outcome", run.outcome)
        if run.outcome not in _NO_ERROR:
            span.set_status(StatusCode.ERROR)
            if error is not None:
                span.set_attribute("error.type", names(error)["exception"])
        detach(token)
        span.end()


def _links(submission: Submission) -> list[Link]:
    if submission.traceparent is None:
        return []
    carried = {"traceparent": submission.traceparent, "tracestate": submission.tracestate or ""}
    submitting = get_current_span(TraceContextTextMapPropagator().extract(carried, Context()))
    found = submitting.get_span_context()
    return [Link(found)] if found.is_valid else []
