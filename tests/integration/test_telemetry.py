"""Spans and log lines of requests and runs, in one process."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from dramatiq.worker import Worker
from falcon import testing
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from callboard.actors.container import build_container
from callboard.actors.worker import WorkerLifecycle
from callboard.config import load_settings
from callboard.jobs.read import read
from callboard.ops.servers.web import application, listen
from callboard.telemetry.log_setup import configure_logging
from callboard.telemetry.traces import Telemetry
from tests.api_app import ApiApp
from tests.eventually import eventually

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "rojo=1", "X-Request-ID": "r-7"}


class Process:
    """The one-process server without sockets, with telemetry kept in memory."""

    def __init__(self, namespace: str) -> None:
        settings = load_settings(
            namespace=namespace,
            operations="tests.system.operations",
            resources="gpu=2",
            hosts="falconframework.org",
            log_format="json",
        )
        self.exporter = InMemorySpanExporter()
        telemetry = Telemetry(TracerProvider(), lambda: SimpleSpanProcessor(self.exporter))
        self.container = build_container(settings)
        lifecycle = WorkerLifecycle(self.container, supervised=False, telemetry=telemetry)
        lifecycle.install()
        self.events = listen(self.container, waits=10, streams=10)
        self.http = testing.TestClient(application(self.container, self.events, telemetry))
        self.worker = Worker(self.container.broker, worker_threads=2, worker_timeout=50)
        self.worker.start()

    def run(self, operation: str, headers: dict[str, str] = HEADERS, **params: Any) -> str:
        body = {"operation": operation, "params": params}
        job_id = str(self.http.simulate_post("/v1/jobs", json=body, headers=headers).json["id"])
        eventually(
            lambda: read(self.container.store, job_id, tenant="default").final, what="the job ends"
        )
        return job_id

    def spans(self, name: str, count: int = 1) -> list[ReadableSpan]:
        """Wait for the spans of a name; a run's ends after its job does."""

        def named() -> list[ReadableSpan]:
            return [span for span in self.exporter.get_finished_spans() if span.name == name]

        eventually(lambda: len(named()) >= count, what=f"{count} spans {name!r}")
        return named()

    def close(self) -> None:
        self.worker.stop(timeout=10_000)
        self.events.close()
        self.container.close()


@pytest.fixture(scope="module")
def serving() -> Iterator[Process]:
    """One process for all tests: the tracer provider can be set only once."""
    process = Process("telemetry")
    yield process
    process.close()


@pytest.fixture
def process(serving: Process) -> Process:
    serving.exporter.clear()
    return serving


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log of the process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(load_settings(log_format="json", log_level="debug"), stream=stream)
    yield stream
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def said(lines: io.StringIO, **wanted: object) -> list[dict[str, Any]]:
    parsed = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in parsed if wanted.items() <= line.items()]


def context_of(span: ReadableSpan) -> tuple[str, str]:
    context = span.context
    assert context is not None
    return format_trace_id(context.trace_id), format_span_id(context.span_id)


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_requests_server_span_is_a_child_of_the_clients_span(process: Process) -> None:
    job_id = process.run("echo")

    (span,) = process.spans("POST /v1/jobs")
    assert span.kind is SpanKind.SERVER
    assert span.parent is not None
    assert format_trace_id(span.parent.trace_id) == TRACE
    assert format_span_id(span.parent.span_id) == PARENT
    assert span.context is not None
    assert span.context.trace_state.to_header() == "rojo=1"
    assert attributes_of(span) | {
        "http.request.method": "POST",
        "http.route": "/v1/jobs",
        "http.response.status_code": 202,
        "url.path": "/v1/jobs",
        "url.scheme": "http",
        "callboard.request_id": "r-7",
        "callboard.tenant": "default",
    } == attributes_of(span)
    assert read(process.container.store, job_id, tenant="default").request_id == "r-7"


def test_a_refused_request_is_no_error_of_the_server_span(process: Process) -> None:
    process.http.simulate_get("/v1/jobs/nothing?api_key=hush")
    process.http.simulate_get("/nowhere")

    (known,) = process.spans("GET /v1/jobs/{job_id}")
    assert attributes_of(known)["http.response.status_code"] == 404
    assert known.status.status_code is StatusCode.UNSET
    assert known.parent is None
    assert "hush" not in str(attributes_of(known))
    assert attributes_of(*process.spans("GET"))["http.response.status_code"] == 404


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
def test_an_unknown_method_creates_no_span_name(process: Process) -> None:
    process.http.simulate_request("BREW", "/v1/jobs")

    (odd,) = process.exporter.get_finished_spans()
    assert odd.name == "HTTP /v1/jobs"
    assert attributes_of(odd)["http.request.method"] == "_OTHER"
    assert attributes_of(odd)["http.request.method_original"] == "BREW"


def test_a_run_is_a_separate_trace_linked_to_the_submitting_span(process: Process) -> None:
    job_id = process.run("echo")

    (submitting,) = process.spans("POST /v1/jobs")
    (run,) = process.spans("run echo")
    assert run.kind is SpanKind.CONSUMER
    assert run.parent is None
    assert context_of(run)[0] != TRACE
    (link,) = run.links
    assert (format_trace_id(link.context.trace_id), format_span_id(link.context.span_id)) == (
        context_of(submitting)
    )
    assert link.context.trace_state.to_header() == "rojo=1"
    assert attributes_of(run) == {
        "messaging.system": "callboard",
        "messaging.operation.type": "process",
        "messaging.operation.name": "run",
        "messaging.destination.name": "telemetry.default",
        "messaging.message.id": job_id,
        "messaging.message.conversation_id": "r-7",
        "callboard.job.id": job_id,
        "callboard.operation": "echo",
        "callboard.attempt": 1,
        "callboard.tenant": "default",
        "callboard.request_id": "r-7",
        "callboard.outcome": "succeeded",
    }
    assert run.status.status_code is StatusCode.UNSET


def test_a_failed_runs_span_is_an_error_without_its_message(process: Process) -> None:
    process.run("quote", secret="hush-parameter")

    runs = process.spans("run quote", 2)
    assert [attributes_of(run)["callboard.outcome"] for run in runs] == ["retried", "failed"]
    assert [attributes_of(run)["callboard.attempt"] for run in runs] == [1, 2]
    assert {run.status.status_code for run in runs} == {StatusCode.ERROR}
    assert {attributes_of(run)["error.type"] for run in runs} == {"ValueError"}
    assert {link.context.trace_id for run in runs for link in run.links} == {int(TRACE, 16)}
    assert "hush" not in "".join(run.to_json() for run in runs)


@pytest.mark.parametrize(
    ("operation", "where"), [("trace_in_thread", "thread"), ("trace_in_loop", "loop")]
)
def test_a_functions_spans_and_log_lines_belong_to_its_run(
    process: Process, lines: io.StringIO, operation: str, where: str
) -> None:
    job_id = process.run(operation)

    (run,) = process.spans(f"run {operation}")
    (own,) = process.spans(f"work in {where}")
    assert own.parent is not None
    assert own.parent.span_id == (run.context and run.context.span_id)
    for event in ("said by logging", "said by structlog"):
        (line,) = said(lines, event=event)
        assert (line["trace_id"], line["span_id"]) == context_of(own)
        assert {name: line[name] for name in ("job", "operation", "attempt", "tenant")} == {
            "job": job_id,
            "operation": operation,
            "attempt": 1,
            "tenant": "default",
        }
        assert line["request_id"] == "r-7"
    (ended,) = said(lines, event="run_ended", job=job_id)
    assert "mine" not in ended


def test_a_run_logs_one_line_at_its_start_and_one_at_its_end(
    process: Process, lines: io.StringIO
) -> None:
    job_id = process.run("quote", secret="hush-parameter")
    process.spans("run quote", 2)

    started = said(lines, event="run_started", job=job_id)
    ended = said(lines, event="run_ended", job=job_id)
    assert [(line["attempt"], line["level"]) for line in started] == [(1, "info"), (2, "info")]
    assert [line["outcome"] for line in ended] == ["retried", "failed"]
    assert {line["exception"] for line in ended} == {"ValueError"}
    assert all(line["raised_at"].startswith("traces.py:") for line in ended)
    assert all(0 < line["duration_ms"] < 10_000 for line in ended)
    assert {line["request_id"] for line in started + ended} == {"r-7"}
    runs = {context_of(run) for run in process.spans("run quote", 2)}
    assert {(line["trace_id"], line["span_id"]) for line in started + ended} == runs
    assert "hush" not in lines.getvalue()


def test_a_request_logs_its_id_tenant_and_span(process: Process, lines: io.StringIO) -> None:
    process.run("echo")

    (line,) = said(lines, event="request_handled", route="/v1/jobs")
    assert (line["request_id"], line["tenant"], line["status"]) == ("r-7", "default", 202)
    assert (line["trace_id"], line["span_id"]) == context_of(*process.spans("POST /v1/jobs"))
    assert "request_id" not in structlog.contextvars.get_contextvars()


def test_closing_waits_for_a_hanging_exporter_for_a_bounded_time() -> None:
    hanging = threading.Event()

    class Hanging(InMemorySpanExporter):
        def shutdown(self) -> None:
            hanging.wait(30)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Hanging()))
    # Never started: it would become the provider for all later tests.
    telemetry = Telemetry(provider, SpanProcessor)
    closing = threading.Thread(target=telemetry.close, args=(0.05,))
    closing.start()

    closing.join(5)

    assert not closing.is_alive()
    hanging.set()


def test_without_telemetry_a_job_keeps_the_clients_own_span() -> None:
    api_app = ApiApp()
    future = {"traceparent": f"cc-{TRACE}-{PARENT}-01-later", "tracestate": "rojo=1, congo=2"}

    api_app.submit(headers=HEADERS)
    api_app.submit(headers=future)
    api_app.submit(headers={"traceparent": f"ff-{TRACE}-{PARENT}-01", "tracestate": "rojo=1"})

    kept = [
        (wakeup.submission.traceparent, wakeup.submission.tracestate)
        for wakeup in api_app.publisher.published
    ]
    own = f"00-{TRACE}-{PARENT}-01"
    assert kept == [(own, "rojo=1"), (own, "rojo=1,congo=2"), (None, None)]
    api_app.close()
