"""The traces of a process: its tracer, and the thread that exports spans by OTLP."""

import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Tracer

    from callboard.config.settings import Settings

CLOSE_SECONDS: Final = 3.0
_INSTRUMENTATION: Final = "callboard"
_NAMELESS: Final = "unknown_service"


class Telemetry:
    """The traces of one process; nothing is sent, and no thread runs, before `start`.

    Args:
        provider: makes the spans.
        processor: makes what sends them.
    """

    def __init__(
        self, provider: "TracerProvider", processor: "Callable[[], SpanProcessor]"
    ) -> None:
        self._provider = provider
        self._processor = processor
        self._started = False
        self.tracer: Final[Tracer] = provider.get_tracer(_INSTRUMENTATION)

    @classmethod
    def of(cls, settings: "Settings", *, process: str) -> Self | None:
        """Return the traces that the settings ask for; None, without any import, if they are off.

        Only the variables `OTEL_*` decide where spans go and how many are buffered.

        Args:
            settings: whether traces are on.
            process: the service's name unless `OTEL_SERVICE_NAME` gives another.
        """
        if settings.telemetry == "off":
            return None
        from opentelemetry.sdk.resources import (  # noqa: PLC0415 — an extra that may be missing
            SERVICE_NAME,
            SERVICE_NAMESPACE,
            Resource,
        )
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 — as above

        resource = Resource({SERVICE_NAMESPACE: settings.namespace}).merge(Resource.create())
        if str(resource.attributes[SERVICE_NAME]).startswith(_NAMELESS):
            resource = resource.merge(Resource({SERVICE_NAME: process}))
        return cls(TracerProvider(resource=resource, shutdown_on_exit=False), _by_otlp)

    def start(self) -> None:
        """Start exporting, also the spans of other code in this process; repeating is safe.

        Call it in the process that serves: the thread does not survive a fork.
        """
        if self._started:
            return
        self._started = True
        from opentelemetry import trace  # noqa: PLC0415 — an extra that may be missing

        self._provider.add_span_processor(self._processor())
        # A program that has chosen its own provider keeps it for the spans of its functions.
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(self._provider)

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Export what is left, for at most `timeout` seconds."""
        thread = threading.Thread(target=self._provider.shutdown, name="telemetry", daemon=True)
        thread.start()
        thread.join(timeout)


def _by_otlp() -> "SpanProcessor":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 — as above
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 — as above

    return BatchSpanProcessor(OTLPSpanExporter())
