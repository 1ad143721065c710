"""Exchanges with a server, byte by byte."""

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from httplint import HttpRequestLinter, HttpResponseLinter
from httplint.note import levels

_PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    method: str
    target: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    asked: tuple[tuple[str, str], ...]
    at: float  # when the answer came, in seconds since 1970

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def exchange(
    url: str, method: str, path: str, *, key: str = "", body: Any = None, **headers: str
) -> Exchange:
    """Send a request, and read the whole answer.

    Args:
        url: address of the server; `path` may also be an absolute URL.
        key: the caller's key.
        body: sent as JSON, or unchanged if it is bytes; None for none.
        headers: additional headers; `_` stands for `-`.
    """
    parts = urlsplit(url)
    target = path.removeprefix(f"{parts.scheme}://{parts.netloc}")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key:
        sent["Authorization"] = f"Bearer {key}"
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(parts.netloc, timeout=_PATIENCE_SECONDS)
    try:
        connection.request(method, target, body=data, headers=sent)
        answer = connection.getresponse()
        at = time.time()
        found = tuple(answer.getheaders())
        return Exchange(
            method,
            target,
            answer.status,
            answer.reason,
            found,
            answer.read(),
            tuple(sent.items()),
            at,
        )
    finally:
        connection.close()


def complaints(one: Exchange) -> list[str]:
    """List httplint's errors and warnings about an answer."""
    request = HttpRequestLinter(start_time=one.at)
    request.process_request_topline(one.method.encode(), one.target.encode(), b"1.1")
    request.process_headers([(name.encode(), value.encode()) for name, value in one.asked])
    request.finish_content(True, [])
    response = HttpResponseLinter(start_time=one.at, _related=request)
    response.is_head_response = one.method == "HEAD"
    response.process_response_topline(b"1.1", str(one.status).encode(), one.reason.encode())
    response.process_headers([(name.encode(), value.encode()) for name, value in one.headers])
    response.feed_content(one.body)
    response.finish_content(True, [])
    return [
        f"{note.level.name}: {note.summary}"
        for note in response.notes
        if note.level in (levels.BAD, levels.WARN)
    ]
