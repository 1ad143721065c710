"""Sends requests, and retries broken connections and busy responses."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import SystemRandom
from typing import Any, Final

import httpx

from callboard.client.errors import CallboardClientError, CannotAsk, ServerAway, StrangeAnswer
from callboard.client.proxy_and_tls import by_proxy, tls_fault
from callboard.client.responses import media_type_of, problem_of, refuse_redirect, strange

LATER: Final = frozenset({429, 502, 503, 504})
MIN_PAUSE_SECONDS: Final = 0.2
MAX_PAUSE_SECONDS: Final = 5.0
PASSING: Final = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.ProxyError,
    httpx.RemoteProtocolError,
)
UNASKABLE: Final = (httpx.RequestError, httpx.InvalidURL)


class Patience:
    """How long a request is retried.

    Pauses grow from 0.2 s to 5 s, with jitter; a `Retry-After` that is longer counts.

    Args:
        seconds: in all, from now.
        pause: set once the client is closed.
        on_away: called with the seconds that are left, once, before a server that does not answer
            is asked again.
    """

    def __init__(
        self, seconds: float, pause: threading.Event, on_away: Callable[[float], None]
    ) -> None:
        self._ends_at = time.monotonic() + seconds
        self._pause = pause
        self._on_away = on_away
        self._told = False
        self._tries = 0

    def spent(self, error: Exception, *, retry_after: float | None = None) -> None:
        """Pause before the next try.

        Raises:
            Exception: `error`, when the pause would outlast the patience, or the client was closed.
        """
        growing = MIN_PAUSE_SECONDS * 2.0 ** min(self._tries, 10)
        jitter = SystemRandom().uniform(0.5, 1.0)
        pause = max(min(MAX_PAUSE_SECONDS, growing) * jitter, retry_after or 0)
        self._tries += 1
        left = self._ends_at - time.monotonic()
        if pause > left:
            raise error
        if isinstance(error, ServerAway) and not self._told:
            self._told = True
            self._on_away(left)
        if self._pause.wait(pause):
            raise error


class Transport:
    """Sends requests; every one of them must be safe to repeat.

    Args:
        http: the connections, with the server's address and the key.
        patience: seconds, for each request.
        on_away: called with a line for people when the server does not answer and is retried.
    """

    def __init__(
        self,
        http: httpx.Client,
        *,
        patience: float,
        on_away: Callable[[str], None] | None = None,
    ) -> None:
        self._http = http
        self._seconds = patience
        self._on_away = on_away
        self.pause: Final = threading.Event()

    def close(self) -> None:
        """Close the connections, and end waits."""
        self.pause.set()
        self._http.close()

    def patience(self, seconds: float | None = None) -> Patience:
        """Start a retry period, of the configured time or less."""
        longest = self._seconds if seconds is None else min(self._seconds, seconds)
        return Patience(longest, self.pause, self._tell)

    def ask(
        self,
        method: str,
        path: str,
        *,
        patience: Patience | None = None,
        **request: Any,
    ) -> httpx.Response:
        """Send a request, retry it if necessary, and return a response below 400.

        Args:
            method: the HTTP method.
            path: on the server.
            patience: how long to retry; by default as configured.
            request: further arguments of httpx.

        Raises:
            Problem: the server rejects it.
            ServerAway: it does not answer.
            CannotAsk: the request itself is invalid.
            StrangeAnswer: another server redirects elsewhere.
        """
        patience = patience or self.patience()
        while True:
            try:
                response = self._http.request(method, path, **request)
            except UNASKABLE as error:
                without = self._without_answer(error)
                if not isinstance(without, ServerAway):
                    raise without from error
                patience.spent(without)
                continue
            if not response.is_error:
                refuse_redirect(self._address, response)
                return response
            problem = problem_of(response)
            if response.status_code not in LATER:
                raise problem
            patience.spent(problem, retry_after=problem.retry_after)

    def document(self, response: httpx.Response, *members: str) -> dict[str, Any]:
        """Parse a response as an object.

        Args:
            response: what came.
            members: the members that it must have.

        Raises:
            StrangeAnswer: it is something else, such as the page of a proxy.
        """
        found = self.value(response)
        if not isinstance(found, dict) or any(name not in found for name in members):
            raise StrangeAnswer(f"{self._address} answers with JSON that Callboard does not send.")
        return found

    def value(self, response: httpx.Response) -> Any:
        """Parse a response as JSON.

        Raises:
            StrangeAnswer: it is none.
        """
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise strange(self._address, response) from error

    @contextmanager
    def stream(
        self, path: str, headers: dict[str, str], *, media_type: str = ""
    ) -> Iterator[httpx.Response]:
        """Open a streamed response, without retries.

        Args:
            path: on the server.
            headers: of the request.
            media_type: the required media type; None for any.

        Raises:
            Problem: the server rejects it.
            ServerAway: it does not answer, or the connection breaks.
            CannotAsk: the request itself is invalid.
            StrangeAnswer: the response is not from a Callboard server.
        """
        try:
            with self._http.stream("GET", path, headers=headers) as response:
                if response.is_error:
                    response.read()
                    raise problem_of(response)
                refuse_redirect(self._address, response)
                if response.status_code != httpx.codes.NO_CONTENT and (
                    media_type not in media_type_of(response)
                ):
                    raise strange(self._address, response)
                yield response
        except UNASKABLE as error:
            raise self._without_answer(error) from error

    @property
    def _address(self) -> str:
        return str(self._http.base_url)

    def _without_answer(self, error: Exception) -> CallboardClientError:
        # The error's own message may contain the key.
        name, by = type(error).__name__, by_proxy(self._http.base_url)
        without: CallboardClientError
        if (fault := tls_fault(error)) is not None:
            without = CannotAsk(f"{self._address} cannot be reached{by}: {fault}.")
        elif isinstance(error, PASSING):
            without = ServerAway(f"{self._address} does not answer{by} ({name}).")
        elif isinstance(error, httpx.DecodingError):
            without = StrangeAnswer(f"{self._address} sent an unreadable response{by}.")
        else:
            without = CannotAsk(f"{self._address} cannot be used{by} ({name}).")
        without.__cause__ = error
        return without

    def _tell(self, seconds: float) -> None:
        if self._on_away is not None:
            address = self._address.rstrip("/")
            self._on_away(f"{address} does not answer; trying again for {seconds:.0f} s")
