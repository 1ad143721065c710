"""Queries an E-utilities server such as NCBI's: a search that it remembers, then its pages."""

import io
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from examples.literature.pubmed.medline import Change, NotMedline, Paper, read

GAP: Final = timedelta(milliseconds=400)
"""The gap before each request. Without a key, 3 per second are allowed; 334 ms is too short."""

TIMEOUT_SECONDS: Final = 30.0
MAX_BYTES: Final = 64 * 1024**2
"""The limit of a response; 500 papers with long abstracts need a tenth of it."""

_KEPT: Final = ("Date", "Retry-After")
_EARLIEST: Final = "1000/01/01"


class TooMany(Exception):
    """The server answered 429; `retry_after` is the value of its header, if it has one."""

    def __init__(self, retry_after: str | None) -> None:
        super().__init__("The E-utilities server asks for fewer requests.")
        self.retry_after: Final = retry_after


class SearchForgotten(Exception):
    """The server no longer remembers the search, so it must be repeated."""


class BadAnswer(Exception):
    """The server answered with an error, something unexpected, or fewer papers than requested."""


@dataclass(frozen=True)
class Search:
    """A search that the server remembers, so that its pages do not change during the fetch.

    Attributes:
        day: the day of the search by the server's clock, such as 2026-11-30.
    """

    webenv: str
    query_key: str
    count: int
    day: str


class Eutils:
    """A client that waits before each request, so that requests are far enough apart."""

    def __init__(self, server: str, *, max_bytes: int = MAX_BYTES) -> None:
        self._server = server.rstrip("/")
        self._max_bytes = max_bytes
        self._pause = threading.Event()

    def search(self, query: str, *, since: str | None) -> Search:
        """Search for records changed since the day before `since`; None finds all.

        It is the day before because the server may be in another time zone.

        Raises:
            TooMany, BadAnswer: it was not answered.
        """
        begin = _EARLIEST
        if since is not None:
            begin = f"{date.fromisoformat(since) - timedelta(days=1):%Y/%m/%d}"
        answer = self._get(
            "esearch.fcgi",
            term=query,
            usehistory="y",
            retmode="json",
            retmax=0,
            datetype="mdat",
            mindate=begin,
            maxdate="3000/12/31",
        )
        try:
            found = answer.json()["esearchresult"]
            count = int(found["count"])
            return Search(found["webenv"], found["querykey"], count, _day_of(answer))
        except (KeyError, TypeError, ValueError) as error:
            raise BadAnswer("esearch.fcgi did not answer with a search.") from error

    def fetch(self, search: Search, start: int, size: int) -> list[Change]:
        """Fetch one complete page of a search.

        Raises:
            TooMany, SearchForgotten, BadAnswer: the page did not arrive completely.
        """
        answer = self._get(
            "efetch.fcgi",
            WebEnv=search.webenv,
            query_key=search.query_key,
            retstart=start,
            retmax=size,
            retmode="xml",
        )
        try:
            changes = list(read(io.BytesIO(answer.content)))
        except NotMedline as error:
            raise BadAnswer(f"efetch.fcgi, from {start}: {error}") from error
        # A paper missed now would never be fetched, once the checkpoint has moved.
        papers = sum(isinstance(change, Paper) for change in changes)
        expected = min(size, search.count - start)
        if papers < expected:
            raise BadAnswer(f"efetch.fcgi, from {start}: {papers} of {expected} papers arrived.")
        return changes

    def _get(self, program: str, **query: str | int) -> httpx.Response:
        self._pause.wait(GAP.total_seconds())
        try:
            answer = self._read(program, {"db": "pubmed", "tool": "callboard-literature", **query})
        except httpx.HTTPError as error:
            raise BadAnswer(f"{program} could not be reached: {error}") from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise TooMany(answer.headers.get("Retry-After"))
        if answer.status_code == httpx.codes.BAD_REQUEST and "WebEnv" in query:
            raise SearchForgotten("The server has forgotten the search.")
        if answer.status_code != httpx.codes.OK:
            raise BadAnswer(f"{program} answered {answer.status_code}.")
        return answer

    def _read(self, program: str, query: dict[str, str | int]) -> httpx.Response:
        url, body = f"{self._server}/{program}", bytearray()
        with httpx.stream("GET", url, params=query, timeout=TIMEOUT_SECONDS) as answer:
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > self._max_bytes:
                    raise BadAnswer(f"{program} answered with more than {self._max_bytes} bytes.")
        # The body is decoded, so the length and coding in its headers no longer apply.
        headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        return httpx.Response(answer.status_code, headers=headers, content=bytes(body))


def _day_of(answer: httpx.Response) -> str:
    try:
        moment = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        moment = datetime.now(UTC)
    return moment.date().isoformat()
