"""The parts of attacks: each function plays one connection or one attacker."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgpack

MIB: Final = 1024**2
_TIMEOUT_S: Final = 120.0
_RECEIVE_BYTES: Final = 4096
_STEP_S: Final = 0.05

Address = tuple[str, int]


def drip(address: Address, *, head: bytes, piece: bytes, rate: int, until: float) -> int:
    """Send the same piece repeatedly at a rate; reconnect after a disconnect.

    Args:
        address: of the server.
        head: the first bytes of a connection.
        piece: the repeated bytes.
        rate: in bytes a second.
        until: when to stop, by the monotonic clock.

    Returns:
        The number of connections.
    """
    block = piece * max(1, int(rate * _STEP_S) // len(piece))
    connections = 0
    while time.monotonic() < until:
        connections += 1
        with suppress(OSError), _connected(address) as connection:
            connection.sendall(head)
            while (now := time.monotonic()) < until:
                connection.sendall(block)
                pause(_STEP_S - (time.monotonic() - now))
    return connections


def ask_and_never_read(address: Address, request: bytes, *, until: float) -> float:
    """Send requests, read nothing, and stay until disconnected.

    Returns:
        How long the server kept the connection, in seconds.
    """
    began = time.monotonic()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    connection.settimeout(_TIMEOUT_S)
    with connection, suppress(OSError):
        connection.connect(address)
        connection.sendall(request)
        while time.monotonic() < until and not _is_cut_off(connection):
            pause(_STEP_S * 4)
    return time.monotonic() - began


def begin_and_dawdle(
    address: Address, head: bytes, body: bytes, *, pause_s: float, until: float
) -> float:
    """Send a body without its end, then a byte at intervals.

    Returns:
        How long the server kept the connection, in seconds.
    """
    began = time.monotonic()
    with suppress(OSError), _connected(address) as connection:
        connection.sendall(head + body[:-64])
        for index in range(len(body) - 64, len(body)):
            end = time.monotonic() + pause_s
            while time.monotonic() < min(end, until):
                if _is_cut_off(connection):
                    return time.monotonic() - began
                pause(_STEP_S * 4)
            if time.monotonic() >= until:
                break
            connection.sendall(body[index : index + 1])
    return time.monotonic() - began


def drip_bodies(address: Address, head: bytes, *, count: int, pause_s: float, until: float) -> int:
    """Send bodies byte by byte; reconnect after a disconnect.

    Returns:
        The number of connections.
    """
    open_now: list[socket.socket] = []
    made = 0
    while time.monotonic() < until:
        while len(open_now) < count and time.monotonic() < until:
            made += 1
            connection = socket.create_connection(address, timeout=_TIMEOUT_S)
            connection.sendall(head)
            connection.settimeout(0)
            open_now.append(connection)
        for each in list(open_now):
            with suppress(BlockingIOError):
                if _is_cut_off(each) or not _sends(each):
                    open_now.remove(each)
                    each.close()
        pause(min(pause_s, until - time.monotonic()))
    for each in open_now:
        each.close()
    return made


def exchange(address: Address, request: bytes) -> tuple[int, float]:
    """Send one request; return the status, 0 without an answer, and the seconds."""
    began = time.monotonic()
    received = b""
    with suppress(OSError), _connected(address) as connection:
        connection.sendall(request)
        while b"\r\n" not in received and (piece := connection.recv(65_536)):
            received += piece
    status = int(received.split(b" ", 2)[1]) if received.count(b" ") > 1 else 0
    return status, time.monotonic() - began


def together(calls: list[Callable[[], float]]) -> list[float]:
    """Make all calls at the same time, and return their results."""
    found: list[float] = []
    threads = [threading.Thread(target=lambda call=call: found.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def post(path: str, body: bytes, media_type: str, host: str = "127.0.0.1") -> bytes:
    """Encode a request with a body."""
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def nested_maps(size: int) -> bytes:
    """Return parameters in msgpack: a list of empty maps, a byte each."""
    head: bytes = msgpack.packb({"operation": "anything", "params": {}})[:-1]
    return head + b"\x81\xa5value\xdd" + size.to_bytes(4, "big") + b"\x80" * size


def batch_of_one(item: bytes) -> bytes:
    """Return a batch in msgpack with one item."""
    return b"\x81\xa5items\x91" + item


def pause(seconds: float) -> None:
    """Wait: attackers keep their rhythm, whatever the server does."""
    threading.Event().wait(max(0.0, seconds))


@contextmanager
def _connected(address: Address) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=_TIMEOUT_S) as connection:
        yield connection


def _sends(connection: socket.socket) -> bool:
    try:
        connection.send(b" ")
    except ConnectionError:
        return False
    return True


def _is_cut_off(connection: socket.socket) -> bool:
    """Return whether the server has closed the connection, without reading."""
    (state,) = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state != 1  # TCP_ESTABLISHED
