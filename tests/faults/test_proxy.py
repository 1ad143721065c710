"""The proxy of the fault tests breaks connections as documented, and only on command."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.eventually import eventually
from tests.faults.proxy import Proxy


class Echo:
    """An echo server that stores what it receives."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.heard = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)  # otherwise accept() keeps it open
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(65_536):
                    self.heard += chunk
                    connection.sendall(chunk)
            except OSError:
                return


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    proxy = Proxy(echo.port)
    proxy.start()
    yield proxy
    proxy.close()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with connect(proxy) as connection:
        assert ask(connection, b"hello") == b"hello"
        yield connection


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def knock(proxy: Proxy) -> bytes:
    with connect(proxy) as connection:
        return connection.recv(1)


def ask(connection: socket.socket, words: bytes) -> bytes:
    connection.sendall(words)
    return read(connection, len(words))


def read(connection: socket.socket, count: int) -> bytes:
    answer = b""
    while len(answer) < count and (chunk := connection.recv(count - len(answer))):
        answer += chunk
    return answer


def read_until_reset(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while chunk := connection.recv(65_536):
            answer += chunk
    except ConnectionResetError:
        return answer
    raise AssertionError("it ended without a reset")


def test_a_proxy_without_faults_passes_all_bytes_in_order(
    client: socket.socket,
) -> None:
    words = bytes(range(256)) * 4_000
    sender = threading.Thread(target=client.sendall, args=(words,))

    sender.start()
    answer = read(client, len(words))

    sender.join()
    assert answer == words


def test_closing_one_side_closes_the_other(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)

    assert client.recv(1) == b""


def test_a_cut_resets_open_connections_and_accepts_new_ones(
    proxy: Proxy, client: socket.socket
) -> None:
    proxy.cut()

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with connect(proxy) as fresh:
        assert ask(fresh, b"again") == b"again"


def test_a_refusing_proxy_accepts_no_connection_until_it_is_restored(
    proxy: Proxy, client: socket.socket
) -> None:
    proxy.refuse()

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.restore()
    with connect(proxy) as fresh:
        assert ask(fresh, b"again") == b"again"


def test_a_deaf_proxy_keeps_connections_and_forwards_held_bytes_when_restored(
    proxy: Proxy, client: socket.socket, echo: Echo
) -> None:
    proxy.deaf()
    client.sendall(b"held")
    client.settimeout(0.2)

    with pytest.raises(TimeoutError):
        client.recv(1)
    assert echo.heard == b"hello"
    client.settimeout(5)
    proxy.restore()
    assert read(client, 4) == b"held"


def test_a_deaf_proxy_accepts_new_connections_and_sends_nothing(proxy: Proxy, echo: Echo) -> None:
    proxy.deaf()

    with connect(proxy) as fresh:
        fresh.settimeout(0.2)
        fresh.sendall(b"held")
        with pytest.raises(TimeoutError):
            fresh.recv(1)
        assert echo.heard == b""


def test_a_deaf_connection_can_be_cut(proxy: Proxy, client: socket.socket) -> None:
    proxy.deaf()
    client.sendall(b"held")

    proxy.cut()

    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_delay_applies_in_each_direction(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay(0.1)
    began = time.monotonic()

    answer = ask(client, b"slow")

    assert answer == b"slow"
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(("direction", "heard"), [("to-client", 10), ("to-server", 5)])
def test_half_of_a_halved_chunk_arrives_before_the_connection_is_reset(
    proxy: Proxy, client: socket.socket, echo: Echo, direction: str, heard: int
) -> None:
    proxy.halve("to-client" if direction == "to-client" else "to-server")
    client.sendall(b"0123456789")

    answer = read_until_reset(client)
    eventually(lambda: len(echo.heard) == len(b"hello") + heard, what="the server heard its part")
    assert answer == (b"01234" if direction == "to-client" else b"")
    assert not proxy.halving


def test_closed_connections_are_forgotten(proxy: Proxy, client: socket.socket) -> None:
    client.close()

    eventually(lambda: proxy.connections == 0, what="the proxy let go of it")


def test_an_unavailable_target_resets_its_clients(echo: Echo) -> None:
    proxy = Proxy(echo.port)
    echo.close()
    proxy.start()

    with pytest.raises(ConnectionResetError):
        knock(proxy)
    proxy.close()


def test_a_closed_proxy_leaves_no_thread(echo: Echo) -> None:
    proxy = Proxy(echo.port)
    proxy.start()

    proxy.close()
    proxy.close()

    assert not any(thread.name == f"proxy-{proxy.port}" for thread in threading.enumerate())
