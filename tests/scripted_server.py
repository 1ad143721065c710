"""A server with scripted answers."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from callboard.client import Client

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]
JOB = {
    "id": "j-1",
    "operation": "add",
    "status": "queued",
    "progress": None,
    "attempt": 0,
    "max_attempts": 1,
    "created_at": "2026-11-22T10:00:00.000Z",
}
BUSY = {"Retry-After": "0"}


def job(status: str = "queued", **more: Any) -> dict[str, Any]:
    return {**JOB, "status": status, **more}


class Script(httpx.BaseTransport):
    """Answers requests by a script, and stores them."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        step = self._steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step(request) if callable(step) else step


class Bytes(httpx.SyncByteStream):
    """A body that is sent in parts, and may end early."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part


def client(*steps: Step, patience: float = 5.0) -> tuple[Client, Script]:
    script = Script(*steps)
    return Client("http://server/base", api_key="k", patience=patience, transport=script), script


def answer(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def refusal(status: int, slug: str, **headers: str) -> httpx.Response:
    body = {"type": f"http://server/problems/{slug}", "title": "No.", "detail": "Not now."}
    return httpx.Response(
        status, json=body, headers={"Content-Type": "application/problem+json", **headers}
    )


def sse(*events: tuple[str, str, Any]) -> bytes:
    return b"".join(
        f"id: {id}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()
        for id, kind, data in events
    )


def stream(*parts: bytes | Exception) -> httpx.Response:
    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Bytes(*parts))
