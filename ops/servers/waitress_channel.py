"""Waitress's connections: they refuse with problems, and none can take all turns."""

import socket
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from callboard.api.problems.server_errors import server_problem
from callboard.ops.servers.file_shortage import pause_when_short_of_files
from callboard.ops.servers.slow_clients import PATIENCE_S, UNSENT_BYTES, Allowance
from callboard.ops.servers.waitress_requests import Limits, Parser
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

MAX_PIPELINED: Final = 16
"""How many pipelined requests are accepted; then the connection is closed."""

HEADERS_WITHIN_S: Final = 10.0
"""How long the headers of a request may take."""

_BLOCKED_LOOK_S: Final = 0.1

log = get_logger(__name__)


class ProblemTask(ErrorTask):
    """Answers with a problem if waitress refuses a request before it calls the application."""

    def execute(self) -> None:
        """Send the problem and close the connection."""
        error: Any = self.request.error  # type: ignore[attr-defined]  # missing in the types
        headers, body = server_problem(error.code, error.body)
        self.status = f"{error.code} {error.reason}"
        self.content_length = int(headers.pop("Content-Length"))
        self.response_headers = [*self.response_headers, *headers.items()]
        self.set_close_on_finish()
        self.write(body)


class ClosingTask(WSGITask):
    """Answers a request, and closes its connection if others need its place."""

    def build_response_header(self) -> bytes:
        """Announce the close if the server stops or has a connection on every place."""
        server: Any = self.channel.server
        crowded = 2 * len(server.active_channels) > server.adj.connection_limit
        if crowded or not server.accepting:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class Channel(HTTPChannel):
    """One connection; a client that keeps it waiting beyond its `Allowance` is disconnected.

    waitress asks each connection at least once a second whether there is something to write:
    that is when the allowance is checked.
    """

    task_class = ClosingTask
    error_task_class = ProblemTask

    def __init__(self, server: Any, *args: Any, **more: Any) -> None:
        self._limits: Limits = server.limits
        parser_class: Any = partial(Parser, limits=self._limits)
        self.parser_class = parser_class
        self._receiving = Allowance()
        self._sending = Allowance()
        self._looked = self._begun = time.monotonic()
        self._waits_for_body = False
        super().__init__(server, *args, **more)
        if hasattr(socket, "TCP_NOTSENT_LOWAT") and self.socket is not None:
            with suppress(OSError):  # no TCP
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    @property
    def busy(self) -> bool:
        """Whether a request has begun to arrive, or its response is not fully sent."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len)

    def writable(self) -> bool:
        """Disconnect a client that is too slow, and return whether there is something to write."""
        now = time.monotonic()
        waited, self._looked = now - self._looked, now
        self._count_body(self.request is not None and self.request.headers_finished)
        if self.total_outbufs_len:
            self._sending.count(waited_s=waited, moved=0)
        elif self.request is None:
            self._begun = now
            self._receiving.refill()
            self._sending.refill()
        elif not self.requests:
            self._receiving.count(waited_s=waited, moved=0)
        late = self.request is not None and not self.request.headers_finished
        late = late and now - self._begun > HEADERS_WITHIN_S
        patience_s = self._limits.bodies.patience_s if self._waits_for_body else PATIENCE_S
        late = late or self._receiving.left_within(patience_s) <= 0
        if not self.will_close and (late or self._sending.is_spent):
            log.info(LogEvent.SLOW_CLIENT_DISCONNECTED)
            self.will_close = True
        if self.will_close and self.total_outbufs_len:
            self.handle_close()  # it would wait for the client to read, which may never happen
            return False
        return bool(super().writable())

    def received(self, data: bytes) -> bool:
        """Take received bytes, but no more pipelined requests than are allowed."""
        self._receiving.count(waited_s=0, moved=len(data))
        taken = bool(super().received(data))
        lock, requests = self._waiting()
        with lock:
            for each in requests[MAX_PIPELINED:]:
                each.close()
            if len(requests) > MAX_PIPELINED:
                del requests[MAX_PIPELINED:]
                requests[-1].headers["CONNECTION"] = "close"
        return taken

    def send(self, data: bytes, do_close: bool = True) -> int:  # noqa: FBT001, FBT002 — waitress' own
        """Send some bytes, and return how many."""
        sent: int = super().send(data, do_close)
        self._sending.count(waited_s=0, moved=sent)
        return sent

    def _waiting(self) -> tuple[threading.Lock, list[Any]]:
        """Return the requests that are not answered yet; waitress's types lack them."""
        channel: Any = self
        return channel.requests_lock, channel.requests

    def _count_body(self, waits: bool) -> None:  # noqa: FBT001 — its one argument
        """Count this connection among those whose body is waited for, or no more."""
        self._limits.bodies.waiting += waits - self._waits_for_body
        self._waits_for_body = waits

    def handle_close(self) -> None:
        """Close the connection, and drop a partly received request."""
        super().handle_close()
        self._count_body(False)  # noqa: FBT003
        if self.request is not None:
            self.request.close()

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Wait until the client has read most of its response, or is disconnected.

        One of few threads waits meanwhile.
        """
        if self.total_outbufs_len <= self.adj.outbuf_high_watermark:
            return
        with self.outbuf_lock, self._limits.blocked():
            self._flush_exception(self._flush_some, do_close=False)  # type: ignore[attr-defined]
            left, since = self.total_outbufs_len, time.monotonic()
            while self.connected and self.total_outbufs_len > self.adj.outbuf_high_watermark:
                self.server.pull_trigger()
                self.outbuf_lock.wait(_BLOCKED_LOOK_S)
                if self.total_outbufs_len != left:
                    left, since = self.total_outbufs_len, time.monotonic()
                elif time.monotonic() - since > self._limits.patience_s:
                    self.will_close = True


def answer_with_problems(server: Any, limits: Limits | None = None) -> None:
    """Make all connections that a server accepts from now on refuse with problems.

    Args:
        server: from `waitress.server.create_server`, for one address or several.
        limits: what all connections may hold together.
    """
    shared = limits or Limits()
    for each in listening(server):
        each.limits = shared
        each.channel_class = Channel
        pause_when_short_of_files(each)


def listening(server: Any) -> list[Any]:
    """Return the parts of a server that each listen at an address."""
    return [
        each
        for each in (server, *getattr(server, "map", {}).values())
        if hasattr(each, "active_channels")
    ]
