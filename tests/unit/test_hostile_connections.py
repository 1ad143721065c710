"""The cost of a connection is bounded, in both servers."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http.body import Body
from gunicorn.http.errors import InvalidChunkSize, LimitRequestHeaders
from gunicorn.http.unreader import IterUnreader
from waitress.adjustments import Adjustments

from callboard.ops.servers.gunicorn_connection import (
    FREE_CHUNKS,
    MAX_HEADER_BYTES,
    Chunks,
    Connection,
)
from callboard.ops.servers.slow_clients import Allowance, SlowBodies
from callboard.ops.servers.waitress_requests import Limits, Parser

pytestmark = pytest.mark.check

TINY = b"1\r\n \r\n"
END = b"0\r\n\r\n"
POST = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        there = socket.create_connection(listener.getsockname())
        here, _ = listener.accept()
    with here, there:
        yield here, there


def _body(sent: bytes) -> Body:
    unreader = IterUnreader([sent])
    return Body(Chunks(SimpleNamespace(parse_headers=lambda *_a, **_m: []), unreader))


def _parsed(sent: bytes, limits: Limits | None = None) -> Parser:
    parser = Parser(Adjustments(), limits or Limits())
    while sent and not parser.completed:
        sent = sent[parser.received(sent[:8192]) :]
    return parser


def _status_of(parser: Parser) -> int:
    error: Any = parser.error
    parser.close()
    return 0 if error is None else int(error.code)


def test_small_chunks_up_to_the_limit_are_read() -> None:
    many = FREE_CHUNKS - 1

    assert len(_body(TINY * many + END).read()) == many
    assert _status_of(_parsed(CHUNKED + TINY * many + END)) == 0


def test_chunks_of_normal_size_are_read_without_a_limit() -> None:
    chunk = b"20\r\n" + b"x" * 32 + b"\r\n"

    assert len(_body(chunk * 12_000 + END).read()) == 32 * 12_000
    assert _status_of(_parsed(CHUNKED + chunk * 12_000 + END)) == 0


def test_more_small_chunks_than_the_limit_are_refused() -> None:
    with pytest.raises(InvalidChunkSize):
        _body(TINY * 2 * FREE_CHUNKS).read()

    assert _status_of(_parsed(CHUNKED + TINY * 2 * FREE_CHUNKS)) == 400


@pytest.mark.parametrize(
    "sent",
    [b"1;" + b"a" * 20_000 + b"\r\n \r\n" + END, b"0\r\n" + b"A: b\r\n" * 5000 + b"\r\n"],
    ids=["an extension", "trailers"],
)
def test_excessive_chunk_extensions_are_refused(sent: bytes) -> None:
    with pytest.raises(Exception, match=r"line over|limit request|bare LF|trailer"):
        _fed(sent)

    assert _status_of(_parsed(CHUNKED + sent)) == 400


def _fed(sent: bytes) -> bytes:
    pieces = [sent[at : at + 1024] for at in range(0, len(sent), 1024)]
    request = SimpleNamespace(parse_headers=lambda *_a, **_m: [])
    return bytes(Body(Chunks(request, IterUnreader(pieces))).read())


def test_headers_have_a_total_bound(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    connection = Connection(here)
    there.sendall(b"a" * (MAX_HEADER_BYTES + 8192))

    with pytest.raises(LimitRequestHeaders):
        list(iter(lambda: connection.recv(8192), b""))


def test_a_client_that_reads_nothing_is_disconnected(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    connection = Connection(here, sending=Allowance(patience_s=0.05))

    with pytest.raises(ConnectionResetError):
        connection.sendall(b"x" * 64 * 1024**2)
    connection.close()

    with pytest.raises(ConnectionResetError):
        list(iter(lambda: there.recv(1024**2), b""))


def test_a_stalled_body_is_ended_soon_while_many_stall(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, _there = pair
    connection = Connection(here, bodies=SlowBodies(0))
    connection.begin_body()

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        connection.recv(100)

    assert time.monotonic() - began < 10


def test_the_kernel_buffers_little_for_a_client_that_reads_nothing(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    Connection(here)
    here.setblocking(False)

    sent = 0
    with suppress(BlockingIOError):
        while sent < 64 * 1024**2:
            sent += here.send(b"x" * 65_536)

    assert sent < 4 * 1024**2


def test_the_rest_of_a_refused_body_is_discarded_for_a_while(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    connection = Connection(here)
    connection.sendall(b"refused")
    connection.unfinished = True
    there.sendall(b"x" * 100_000)
    there.shutdown(socket.SHUT_WR)

    began = time.monotonic()
    connection.close()

    assert there.recv(100) == b"refused"
    assert there.recv(100) == b""
    assert time.monotonic() - began < 4


def test_incomplete_bodies_are_held_within_a_bound() -> None:
    limits = Limits(body_bytes=1000, held_bytes=1500)
    begun = POST + b"Content-Length: 900\r\n\r\n" + b"x" * 800

    first, second = _parsed(begun, limits), _parsed(begun, limits)
    too_large = _parsed(POST + b"Content-Length: 1001\r\n\r\n", limits)
    seen = [_status_of(each) for each in (first, second, too_large)]
    again = _parsed(begun, limits)

    assert [*seen, _status_of(again)] == [0, 503, 413, 0]


def test_the_more_threads_wait_for_clients_the_less_time_each_client_has() -> None:
    limits = Limits()
    seen = [limits.patience_s]

    with ExitStack() as waiting:
        for _ in range(64):
            waiting.enter_context(limits.blocked())
            seen.append(limits.patience_s)

    assert seen == sorted(seen, reverse=True)
    assert (seen[0], seen[-1], limits.patience_s) == (30.0, 0.2, 30.0)
