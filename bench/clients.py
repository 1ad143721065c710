"""Many clients in one light process: they wait, follow streams, and poll."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_END_OF_HEAD: Final = b"\r\n\r\n"
_WAIT: Final = "Prefer: wait=60\r\n"
_CONNECTS_AT_ONCE: Final = 50
_LOOK_S: Final = 0.05
_MAX_S: Final = 60.0
_KEPT_S: Final = 2.0  # a server closes connections that are idle for 5 s


@dataclass
class Heard:
    """What the clients measured.

    Attributes:
        polls: when each was due, and the delay of its answer.
        answers: when the answer with the final status arrived.
    """

    polls: list[tuple[float, float]] = field(default_factory=list)
    answers: dict[str, float] = field(default_factory=dict)
    events: int = 0
    open_streams: int = 0
    waiting: int = 0
    wrong: list[str] = field(default_factory=list)


class _Exchange(asyncio.Protocol):
    """A persistent connection, with one request at a time."""

    def __init__(self) -> None:
        self._answer = b""
        self._got: asyncio.Future[bytes] | None = None
        self.transport: asyncio.Transport
        self.used_at = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # it is one of TCP

    def connection_lost(self, _error: Exception | None) -> None:
        if self._got is not None and not self._got.done():
            self._got.set_exception(ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(_END_OF_HEAD)
        if not found or self._got is None:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length and not self._got.done():
            answer, self._answer = self._answer, b""
            self._got.set_result(answer)
            self.used_at = time.monotonic()

    async def ask(self, request: bytes) -> bytes:
        """Send a request and wait for all of its answer."""
        self._got = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._got


class _Following(asyncio.Protocol):
    """A stream whose events are counted."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def connection_lost(self, _error: Exception | None) -> None:
        self._heard.open_streams -= 1

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1"):
            self._heard.open_streams += 1
            if not data.startswith(b"HTTP/1.1 200"):
                self._heard.wrong.append(data[:40].decode("latin-1"))
        self._heard.events += data.count(b"\nevent: ")


class Clients:
    """All clients of one server.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        split = urlsplit(url)
        self._host, self._port = split.hostname or "", split.port or 80
        self.heard: Final = Heard()
        self._tasks: list[asyncio.Task[None]] = []
        self._transports: list[asyncio.Transport] = []
        self._few = asyncio.Semaphore(_CONNECTS_AT_ONCE)

    def request(self, path: str, more: str = "") -> bytes:
        """Encode a request."""
        return f"GET {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{more}\r\n".encode()

    async def follow(self, ids: Sequence[str], count: int) -> None:
        """Open a number of streams."""
        loop = asyncio.get_running_loop()
        for number in range(count):
            path = f"/v1/jobs/{ids[number % len(ids)]}/events"
            transport, _ = await loop.create_connection(
                lambda: _Following(self.heard), self._host, self._port
            )
            transport.write(self.request(path))
            self._transports.append(transport)

    def wait(self, ids: Sequence[str], count: int) -> None:
        """Let clients wait, each for its own job; an answered client takes the next job."""
        spare = iter(ids)
        self._tasks += [asyncio.create_task(self._wait(spare)) for _ in range(count)]

    def poll(self, ids: Sequence[str], per_second: float, connections: int = 10) -> None:
        """Poll at a steady rate; a late answer counts from the time it was due."""
        interval = connections / per_second
        self._tasks += [
            asyncio.create_task(self._poll(ids, interval, interval * number / connections))
            for number in range(connections)
        ]

    def wait_from(self, moments: Sequence[float], ids: Sequence[str]) -> None:
        """Let one client wait for each job, from a time by the monotonic clock."""
        idle: list[_Exchange] = []
        self._tasks += [
            asyncio.create_task(self._wait_at(at, job_id, idle))
            for at, job_id in zip(moments, ids, strict=True)
        ]

    async def settled(self, *, streams: int = 0, waits: int = 0, answers: int = 0) -> None:
        """Wait until these numbers of streams are open, of requests wait, and are answered.

        Raises:
            TimeoutError: it takes longer than a minute.
        """
        heard = self.heard
        async with asyncio.timeout(_MAX_S):
            while (  # noqa: ASYNC110  # three counts, of which none is worth an event
                heard.open_streams < streams
                or heard.waiting < waits
                or len(heard.answers) < answers
            ):
                await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        """Stop everything and close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in self._transports:
            transport.abort()

    async def _connect(self) -> _Exchange:
        """Connect, a few at a time, because a server accepts one after another."""
        async with self._few:
            loop = asyncio.get_running_loop()
            transport, exchange = await loop.create_connection(_Exchange, self._host, self._port)
            self._transports.append(transport)
            return exchange

    async def _wait(self, spare: Iterator[str]) -> None:
        exchange = await self._connect()
        for job_id in spare:
            await self._wait_for(job_id, exchange)

    async def _wait_at(self, at: float, job_id: str, idle: list[_Exchange]) -> None:
        await asyncio.sleep(at - time.monotonic())
        exchange = idle.pop() if idle else await self._connect()
        if time.monotonic() - exchange.used_at > _KEPT_S:
            exchange.transport.close()
            exchange = await self._connect()
        await self._wait_for(job_id, exchange)
        idle.append(exchange)

    async def _wait_for(self, job_id: str, exchange: _Exchange) -> None:
        status = "running"
        while status == "running":
            self.heard.waiting += 1
            answer = await exchange.ask(self.request(f"/v1/jobs/{job_id}", _WAIT))
            arrived = time.monotonic()
            self.heard.waiting -= 1
            status = json.loads(answer.partition(_END_OF_HEAD)[2]).get("status")
        self.heard.answers[job_id] = arrived

    async def _poll(self, ids: Sequence[str], interval: float, first: float) -> None:
        exchange = await self._connect()
        due = time.monotonic() + first
        number = 0
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            number += 1
            answer = await exchange.ask(self.request(f"/v1/jobs/{ids[number % len(ids)]}"))
            self.heard.polls.append((due, time.monotonic() - due))
            if not answer.startswith(b"HTTP/1.1 200"):
                self.heard.wrong.append(answer[:40].decode("latin-1"))
            due += interval
