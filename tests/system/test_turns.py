"""While a large body is checked or hashed, other requests are answered at once."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from typing import Final, Self
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from callboard.client.local_server import serving
from tests.system.stack import ROOT, Stack

MAX_HELD_S: Final = 0.1
TRIES: Final = 4
OPERATIONS: Final = "tests.checking_operations"
COSTLY: Final = json.dumps({"value": ["ab"] * 200_000}, separators=(",", ":")).encode()
"""No text matches a member of the union, and pydantic records the reason for each."""
TINY: Final = b'{"value":[' + b",".join([b"1.5e-300"] * 100_000) + b"]}"
"""Each of the numbers is slow to format, which a fingerprint requires."""


@contextmanager
def gunicorn(stack: Stack) -> Iterator[str]:
    stack.start(workers=0, CALLBOARD_OPERATIONS=OPERATIONS)
    yield stack.url


@contextmanager
def one_process(_stack: Stack) -> Iterator[str]:
    with serving(str(ROOT / "tests" / "checking_operations.py"), timeout=120) as url:
        yield url


class Probe(threading.Thread):
    """Requests `/healthz` repeatedly, and records the longest response time."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self._over = threading.Event()
        self.max_s = 0.0

    def run(self) -> None:
        while not self._over.wait(0.005):
            began = time.monotonic()
            self._connection.request("GET", "/healthz")
            self._connection.getresponse().read()
            self.max_s = max(self.max_s, time.monotonic() - began)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._over.set()
        self.join()
        self._connection.close()


def max_wait(url: str, body: bytes, *, status: int, **headers: str) -> float:
    """Submit CPU-intensive bodies, and return how long other requests wait."""
    with Probe(url) as probe:
        answer = httpx.post(
            f"{url}/v1/operations/choose",
            content=body,
            headers={"Content-Type": "application/json", **headers},
            timeout=60,
        )
    assert answer.status_code == status
    return probe.max_s


def check_process_runs() -> bool:
    """Return whether a started process has a check process."""
    found = False
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found = found or "callboard.ops.checking.child" in " ".join(each.cmdline())
    return found


@pytest.mark.alone
@pytest.mark.parametrize("server", [gunicorn, one_process])
def test_no_client_waits_for_the_large_bodies_of_others(stack: Stack, server: object) -> None:
    with server(stack) as url:  # type: ignore[operator]
        max_wait(url, COSTLY, status=422)  # starts the check process
        assert check_process_runs()
        # Other load on this machine delays some of them, but not all.
        checked = [max_wait(url, COSTLY, status=422) for _ in range(TRIES)]
        repeatable = [
            max_wait(url, TINY, status=422, **{"Idempotency-Key": f"{index}"})
            for index in range(TRIES)
        ]

    assert min(checked) < MAX_HELD_S, checked
    assert min(repeatable) < MAX_HELD_S, repeatable
