"""A small local E-utilities server, for tests and for trying out a sync."""

import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element

from examples.literature.pubmed.sample import document

Answer = tuple[int, Mapping[str, str], bytes]
JSON: Final = {"Content-Type": "application/json"}
XML: Final = {"Content-Type": "text/xml"}


@dataclass(frozen=True)
class Asked:
    """A request: when it arrived, by the monotonic clock, and its answer."""

    at: float
    program: str
    query: Mapping[str, str]
    status: int


@dataclass
class StandIn:
    """The records of the server, and the requests that it received.

    Attributes:
        records: all are found by each search, whatever it says, unless `changed` says more.
        changed: the day of the last change of a record by its place; others changed long ago.
        deleted: numbers and versions, sent with the last page.
        refused: which requests are answered 429, counted from 1, and what Retry-After says.
        cut: which requests get half an answer.
    """

    records: list[Element]
    changed: dict[int, str] = field(default_factory=dict)
    deleted: list[tuple[int, int]] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    _searches: dict[str, list[Element]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """Forget all searches."""
        self._searches.clear()

    def fetched(self) -> list[int]:
        """List the first position of each page sent, in order."""
        return [int(each.query["retstart"]) for each in self.asked if self._is_page(each)]

    def answer(self, program: str, query: Mapping[str, str]) -> Answer:
        """Answer a request and record it."""
        with self._lock:
            number = len(self.asked) + 1
            status, headers, body = self._answer(number, program, query)
            self.asked.append(Asked(time.monotonic(), program, query, status))
        return status, headers, body[: len(body) // 2] if number in self.cut else body

    def _answer(self, number: int, program: str, query: Mapping[str, str]) -> Answer:
        if number in self.refused:
            return 429, {"Retry-After": self.refused[number]}, b"API rate limit exceeded"
        if program == "esearch.fcgi":
            return 200, JSON, self._search(query)
        found = self._searches.get(query.get("WebEnv", ""))
        if program != "efetch.fcgi" or found is None:
            return 400, {}, b"Cannot retrieve history data"
        start, end = int(query["retstart"]), int(query["retstart"]) + int(query["retmax"])
        deleted = self.deleted if end >= len(found) else []
        return 200, XML, b"".join(document(found[start:end], deleted))

    def _search(self, query: Mapping[str, str]) -> bytes:
        since = query.get("mindate", "").replace("/", "-")
        name = secrets.token_hex(8)
        self._searches[name] = [
            record
            for place, record in enumerate(self.records)
            if self.changed.get(place, "2001-01-01") >= since
        ]
        found = {"count": str(len(self._searches[name])), "webenv": name, "querykey": "1"}
        return json.dumps({"esearchresult": found}).encode()

    @staticmethod
    def _is_page(asked: Asked) -> bool:
        return (asked.program, asked.status) == ("efetch.fcgi", 200)


@contextmanager
def serving(stand_in: StandIn) -> Iterator[str]:
    """Serve on a free local port, and yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            program = url.path.rpartition("/")[2]
            status, headers, body = stand_in.answer(program, dict(parse_qsl(url.query)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_about: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
