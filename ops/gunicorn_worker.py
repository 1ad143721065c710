"""gunicorn's worker on gevent: its own refusals are problems, and it waits for no body forever."""

from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import gevent
from gunicorn.workers.ggevent import GeventWorker

PATIENCE_S: Final = 30.0
"""How long a client may send nothing of the body that it has announced."""

LINGER_S: Final = 5.0
"""How long a client may go on sending what was refused, before it is cut off."""

_PIECE_BYTES: Final = 64 * 1024
_WITHOUT_BODY: Final = ("GET", "HEAD")


class Worker(GeventWorker):  # type: ignore[misc]  # no types
    """Answers with a problem what gunicorn refuses before it calls the application."""

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Have the body of a request come in time, as its headers have by now.

        Raises:
            StopIteration: the connection is to be closed.
        """
        req.unreader.sock = Incoming(sock, patience_s=PATIENCE_S)
        closing = False
        try:
            super().handle_request(listener_name, req, sock, addr)
        except StopIteration:
            closing = True
        if req.method not in _WITHOUT_BODY and not _discard_rest(req.body):
            closing = True
        if closing:
            raise StopIteration

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Let gunicorn judge and log, and send a problem in place of its page."""
        super().handle_error(req, _Translator(client, str(exc)), addr, exc)


def _discard_rest(body: Any) -> bool:
    """Read what is left of a refused body, so that its client can read why; say if that ended.

    A client that sends more when the connection is closed never sees its answer. While data is
    there, reading does not let other requests go on by itself.
    """
    with (
        gevent.Timeout(LINGER_S, exception=False),
        suppress(Exception),
    ):  # each server error ends it, too
        while body.read(_PIECE_BYTES):
            gevent.sleep(0)
        return True
    return False


class Incoming:
    """What a client sends; it raises TimeoutError when nothing comes for too long.

    Answers are written to the socket itself, and may take as long as they take.
    """

    def __init__(self, client: Any, *, patience_s: float) -> None:
        self._client = client
        self._patience_s = patience_s

    def recv(self, size: int) -> bytes:
        """Wait for some bytes."""
        before = self._client.gettimeout()
        self._client.settimeout(self._patience_s)
        try:
            received: bytes = self._client.recv(size)
            return received
        finally:
            self._client.settimeout(before)


class _Translator:
    """A socket that turns the page which gunicorn writes into a problem of the same status."""

    def __init__(self, client: Any, reason: str) -> None:
        self._client = client
        self._reason = reason

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        # Whatever imports ssl has to wait until gevent has patched it.
        from api.problems.of_servers import server_problem  # noqa: PLC0415

        _version, status, _rest = page.split(b" ", 2)
        headers, body = server_problem(int(status), self._reason)
        lines = [
            f"HTTP/1.1 {int(status)} {HTTPStatus(int(status)).phrase}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        head = "\r\n".join([*lines, "", ""])
        self._client.sendall(head.encode("latin-1") + body)
