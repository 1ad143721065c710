"""A receiver of OTLP over HTTP that stores what it receives."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Received:
    """The received spans, with the names of their services."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._spans: list[tuple[str, Span]] = []

    def take(self, body: bytes) -> None:
        """Store the content of one request."""
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = attributes_of(part.resource)["service.name"]
            with self._lock:
                self._spans += [
                    (service, span) for scope in part.scope_spans for span in scope.spans
                ]

    def spans(self, name: str) -> list[tuple[str, Span]]:
        """Return the spans of this name, each with its service."""
        with self._lock:
            return [found for found in self._spans if found[1].name == name]


def attributes_of(carrier: Any) -> dict[str, Any]:
    """Read the attributes of a span or a resource."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in carrier.attributes
    }


@contextmanager
def receiving() -> Iterator[Received]:
    """Receive spans on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received = Received(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()
