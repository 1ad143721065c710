"""gunicorn's worker on gevent: its own refusals are problems, and no client keeps it busy."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.server import StreamServer
from gunicorn.http.body import ChunkedReader
from gunicorn.workers.ggevent import GeventWorker

from callboard.ops.servers.gunicorn_connection import LINGER_S, Chunks, Connection
from callboard.ops.servers.gunicorn_listener import Listener
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SUCCESSOR_S: Final = 60.0
"""How long a process of the next generation may take to start."""

DISCARDED_BYTES: Final = 64 * 1024
DISCARDED_CHUNKS: Final = 64
"""So much of a refused body is read to keep its connection; beyond that it is closed."""

_LOOK_S: Final = 0.05
_PIECE_BYTES: Final = 8 * 1024
_WITHOUT_BODY: Final = ("GET", "HEAD")

log = get_logger(__name__)


class Site:
    """The application, with what its process does about it when it is told to stop.

    Args:
        app: answers requests.
        draining: to be set when readiness is to say no.
        delay: how long requests are taken after that.
        answer_waiting: lets requests that wait be answered, and streams end.
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
        """Answer a request, and have gunicorn close its connection then if others want its place.

        The process may leave, too. gunicorn decides that when a request comes: those that waited
        would keep theirs open. And who was refused with much of a body still to come learns that
        its connection is closed, before it sends another request there.
        """

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            if self.leaving or self.crowded or _may_be_cut_off(environ["wsgi.input"]):
                answer: Any = start_response
                answer.__self__.force_close()
            return start_response(status, headers, exc_info)

        return self._app(environ, start)


class Worker(GeventWorker):  # type: ignore[misc]  # no types
    """Cuts nobody off when it is told to stop, and answers with a problem what gunicorn refuses.

    After a reload it serves until a process of the next generation does. Otherwise readiness says
    no at once, and it serves for the delay. Then those who wait are answered, no more connections
    are taken, and what is under way ends.
    """

    _told = False
    _connections = 0

    def load_wsgi(self) -> None:
        """Load the application; whoever waits for a process that cannot need not go on waiting."""
        try:
            super().load_wsgi()
        except BaseException:
            self.generations.serve(self.generation)
            raise

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave; a repeat changes nothing."""
        site = getattr(self, "wsgi", None)
        if not isinstance(site, Site):  # it has yet to start
            super().handle_exit(sig, frame)
        elif not self._told:
            self._told = True
            # A signal may come while gevent's hub runs, where nothing may wait.
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
        """Make what takes connections, as gunicorn does when it is not told how."""
        return Listener(
            listener,
            max_accept=1 if self.cfg.workers > 1 else StreamServer.max_accept,
            handle=partial(self.handle, listener),
            spawn=spawn,
            **{name: more[name] for name in ("ssl_context",) if name in more},
        )

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection, within its bounds."""
        self._count(1)
        try:
            super().handle(listener, Connection(client), addr)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        """Once half of all places are taken, nobody keeps one for a request to come."""
        self._connections += more
        if isinstance(self.wsgi, Site):
            self.wsgi.crowded = 2 * self._connections > self.worker_connections

    def handle_request(self, listener_name: Any, req: Any, sock: Connection, addr: Any) -> Any:
        """Answer one request, and see to it that the next one begins where this one ends.

        Raises:
            StopIteration: the connection is to be closed.
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
            gevent.sleep(0)  # it has sent more requests: others come in between

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Let gunicorn judge and log, and send a problem in place of its page."""
        if isinstance(client, Connection):
            client.unfinished = True
        super().handle_error(req, _Translator(client, str(exc)), addr, exc)


def _may_be_cut_off(body: Any) -> bool:
    """Whether its connection may be closed with the answer: nobody knows how many chunks come."""
    reader = getattr(body, "reader", None)
    return _is_much_left(body) or (isinstance(reader, Chunks) and reader.parser is not None)


def _is_much_left(body: Any) -> bool:
    """Whether more of a body than is read for nothing is still to come, as far as it is known."""
    return bool(getattr(getattr(body, "reader", None), "length", 0) > DISCARDED_BYTES)


def _discard_rest(body: Any) -> bool:
    """Read what is left of a refused body, if that is little; say if it ended."""
    if _is_much_left(body):
        return False
    if isinstance(body.reader, Chunks):
        body.reader.allow(DISCARDED_CHUNKS)
    left = DISCARDED_BYTES
    with (
        gevent.Timeout(LINGER_S, exception=False),
        suppress(Exception),
    ):  # each server error ends it, too
        while piece := body.read(_PIECE_BYTES):
            left -= len(piece)
            if left < 0:
                return False
        return not body.failed
    return False


class _Translator:
    """A socket that turns the page which gunicorn writes into a problem of the same status."""

    def __init__(self, client: Any, reason: str) -> None:
        self._client = client
        self._reason = reason

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        # Whatever imports ssl has to wait until gevent has patched it.
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
