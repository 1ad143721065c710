"""Any number of clients that send bodies slowly leave places for others."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, Self
from urllib.parse import urlsplit

import httpx
import pytest

from callboard.client.local_server import serving
from callboard.ops.open_files import room_for_clients
from callboard.ops.servers.gunicorn_worker import BODIES_SHARE
from callboard.ops.servers.waitress_requests import MAX_SLOW_BODIES
from tests.eventually import eventually
from tests.system.stack import BOOT_SECONDS, ROOT, Stack

pytestmark = pytest.mark.timeout(180)

FILES: Final = 512
MORE: Final = 40
WITHIN_S: Final = 15
HEAD: Final = (
    b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n"
)
ASKED: Final = {"operation": "choose", "params": {"value": [1]}}
OPERATIONS: Final = "tests.checking_operations"


@contextmanager
def gunicorn(stack: Stack) -> Iterator[tuple[str, int]]:
    command = f'ulimit -n {FILES}; exec "$0" web'
    stack.spawn(["sh", "-c", command, "callboardctl"], "web", CALLBOARD_OPERATIONS=OPERATIONS)
    eventually(stack.ready, what="web is ready", timeout=BOOT_SECONDS)
    yield stack.url, room_for_clients(FILES) // BODIES_SHARE


@contextmanager
def one_process(_stack: Stack) -> Iterator[tuple[str, int]]:
    with serving(str(ROOT / "tests" / "checking_operations.py"), timeout=120) as url:
        yield url, MAX_SLOW_BODIES


class SlowBody:
    """Sends a byte at intervals."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = socket.create_connection((parts.hostname or "", parts.port or 0), 30)
        self._connection.sendall(HEAD)
        self._connection.setblocking(False)

    def is_waited_for(self) -> bool:
        """Send a byte, and return whether the server continues to wait."""
        try:
            self._connection.send(b" ")
            self._connection.recv(1)
        except BlockingIOError:
            return True
        except ConnectionError:
            pass
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._connection.close()


@pytest.mark.parametrize("server", [gunicorn, one_process])
def test_slow_bodies_beyond_the_limit_are_cut_off_soon(stack: Stack, server: object) -> None:
    with server(stack) as (url, room), ExitStack() as opened:  # type: ignore[operator]
        some = [opened.enter_context(SlowBody(url)) for _ in range(room - MORE // 2)]
        assert all(each.is_waited_for() for each in some)
        bodies = [*some, *(opened.enter_context(SlowBody(url)) for _ in range(MORE))]

        left = eventually(
            lambda: (
                [each for each in bodies if each.is_waited_for()]
                if sum(each.is_waited_for() for each in bodies) <= room
                else []
            ),
            what="no more are waited for than have room",
            timeout=WITHIN_S,
        )
        others = httpx.post(f"{url}/v1/jobs", json=ASKED, timeout=5).status_code

    assert len(left) > room // 2
    assert others == httpx.codes.ACCEPTED
