"""Gunicorn's gevent worker: it refuses with problems, and no client can keep it busy."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, partial
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.server import StreamServer
from gunicorn.http.body import ChunkedReader
from gunicorn.workers.ggevent import GeventWorker

from callboard.ops.servers.gunicorn_connection import LINGER_S, Chunks, Connection
from callboard.ops.servers.gunicorn_listener import Listener
from callboard.ops.servers.slow_clients import SlowBodies
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SUCCESSOR_S: Final = 60.0
"""How long a process of the next generation may take to start."""

DISCARDED_BYTES: Final = 64 * 1024
DISCARDED_CHUNKS: Final = 64
"""How much of a refused body is read to keep its connection; beyond that it is closed."""

BODIES_SHARE: Final = 6
"""Of so many connections one may send its body slowly."""

_LOOK_S: Final = 0.05
_PIECE_BYTES: Final = 8 * 1024
_WITHOUT_BODY: Final = ("GET", "HEAD")

log = get_logger(__name__)


class Site:
    """The application, and what its process needs to stop it.

    Args:
        app: answers requests.
        draining: set when readiness is to answer no.
        delay: how long requests are accepted after that.
        answer_waiting: answers waiting requests and ends streams.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        draining: threading.Event,
        delay: timedelta,
        answer_waiting: Callable[[], None],
    ) -> None:
        self._app = app
        self.draining: Final = draining
        self.delay: Final = delay
        self.answer_waiting: Final = answer_waiting
        self.leaving = False
        self.crowded = False

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request; then close its connection if others need its place.

        The connection is also closed if the process stops: gunicorn decides that when a request
        arrives, so those that waited would stay open. A client that was refused with much of its
        body still to come learns that the connection closes before it sends another request.
        """

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            if self.leaving or self.crowded or _may_be_cut_off(environ["wsgi.input"]):
                answer: Any = start_response
                answer.__self__.force_close()
            return start_response(status, headers, exc_info)

        return self._app(environ, start)


class Worker(GeventWorker):  # type: ignore[misc]  # no types
    """Finishes all requests when told to stop, and refuses with problems instead of pages.

    After a reload it serves until a process of the next generation does. Otherwise readiness
    answers no at once, and the worker serves for the delay. Then waiting requests are answered, no
    more connections are accepted, and current requests finish.
    """

    _told = False
    _connections = 0

    def load_wsgi(self) -> None:
        """Load the application; if that fails, release those who wait for this process."""
        try:
            super().load_wsgi()
        except BaseException:
            self.generations.serve(self.generation)
            raise

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a repeat changes nothing."""
        site = getattr(self, "wsgi", None)
        if not isinstance(site, Site):  # it has not started yet
            super().handle_exit(sig, frame)
        elif not self._told:
            self._told = True
            # A signal may arrive while gevent's hub runs, which must not block.
            gevent.spawn(self._leave, site)

    def _leave(self, site: Site) -> None:
        successor = self.generations.has_successor(self.generation)
        log.info(LogEvent.WEB_DRAINING, has_successor=successor)
        if successor:
            with gevent.Timeout(SUCCESSOR_S, exception=False):
                while not self.generations.is_succeeded(self.generation):
                    gevent.sleep(_LOOK_S)
            site.leaving = True
        else:
            site.draining.set()
            site.leaving = True
            gevent.sleep(site.delay.total_seconds())
        site.answer_waiting()
        self.alive = False

    def server_class(self, listener: Any, *, spawn: Any, **more: Any) -> Listener:
        """Create the listener, as gunicorn does by default."""
        return Listener(
            listener,
            max_accept=1 if self.cfg.workers > 1 else StreamServer.max_accept,
            handle=partial(self.handle, listener),
            spawn=spawn,
            **{name: more[name] for name in ("ssl_context",) if name in more},
        )

    @cached_property
    def _bodies(self) -> SlowBodies:
        return SlowBodies(self.worker_connections // BODIES_SHARE)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection, within its bounds."""
        self._count(1)
        try:
            super().handle(listener, Connection(client, bodies=self._bodies), addr)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        """Count a connection; once half of all places are taken, keep none for a next request."""
        self._connections += more
        if isinstance(self.wsgi, Site):
            self.wsgi.crowded = 2 * self._connections > self.worker_connections

    def handle_request(self, listener_name: Any, req: Any, sock: Connection, addr: Any) -> Any:
        """Answer one request, and make sure that the next one begins where it ends.

        Raises:
            StopIteration: the connection must be closed.
        """
        if isinstance(req.body.reader, ChunkedReader):
            req.body.reader = Chunks(req, req.unreader)
        sock.begin_body()
        closing = False
        try:
            super().handle_request(listener_name, req, sock, addr)
        except StopIteration:
            closing = True
        if req.method not in _WITHOUT_BODY and not _discard_rest(req.body):
            sock.unfinished = closing = True
        if closing:
            raise StopIteration
        sock.end_body()
        if req.unreader.buf.tell():
            gevent.sleep(0)  # the client has sent more requests: let others take a turn

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Let gunicorn choose the status and log, but send a problem instead of its page."""
        if isinstance(client, Connection):
            client.unfinished = True
        super().handle_error(req, _Translator(client, str(exc)), addr, exc)


def _may_be_cut_off(body: Any) -> bool:
    """Return whether the response may close the connection, as for a chunked body."""
    reader = getattr(body, "reader", None)
    return _is_much_left(body) or (isinstance(reader, Chunks) and reader.parser is not None)


def _is_much_left(body: Any) -> bool:
    """Return whether more of a refused body is known to follow than is worth reading."""
    return bool(getattr(getattr(body, "reader", None), "length", 0) > DISCARDED_BYTES)


def _discard_rest(body: Any) -> bool:
    """Read the rest of a refused body, if it is small; return whether it ended."""
    if _is_much_left(body):
        return False
    if isinstance(body.reader, Chunks):
        body.reader.allow(DISCARDED_CHUNKS)
    left = DISCARDED_BYTES
    with (
        gevent.Timeout(LINGER_S, exception=False),
        suppress(Exception),
    ):  # each server error ends the connection as well
        while piece := body.read(_PIECE_BYTES):
            left -= len(piece)
            if left < 0:
                return False
        return not body.failed
    return False


class _Translator:
    """A socket that replaces the page that gunicorn writes by a problem of the same status."""

    def __init__(self, client: Any, reason: str) -> None:
        self._client = client
        self._reason = reason

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        # Nothing may import ssl before gevent has patched it.
        from callboard.api.problems.server_errors import server_problem  # noqa: PLC0415

        _version, status, _rest = page.split(b" ", 2)
        headers, body = server_problem(int(status), self._reason)
        lines = [
            f"HTTP/1.1 {int(status)} {HTTPStatus(int(status)).phrase}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        head = "\r\n".join([*lines, "", ""])
        self._client.sendall(head.encode("latin-1") + body)
