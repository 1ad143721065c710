"""One request to one receiver, of which nothing but the status is taken."""

import contextlib
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpcore

from callboard.actors.webhooks.deadline import Deadline, DeadlineExceeded
from callboard.actors.webhooks.name_lookup import Lookup, NameUnknown
from callboard.actors.webhooks.pinned_connection import (
    PinnedBackend,
    PinnedStream,
    ResponseTooLarge,
)
from callboard.jobs.callbacks.retry_delay import Attempted
from callboard.jobs.callbacks.url import CallbackRefused, CallbackRules, CallbackUrl

DEADLINE_SECONDS: Final = 15.0
MAX_BODY_BYTES: Final = 4096
BODY_SECONDS: Final = 1.0
_MAX_WAIT_SECONDS: Final = 7 * 24 * 3600
_MAX_DIGITS: Final = 10
_REDIRECTS: Final = range(300, 400)
_PHRASES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (NameUnknown, "the host has no address"),
    (DeadlineExceeded, "it took too long"),
    (ResponseTooLarge, "the response is too long"),
    (httpcore.NetworkError, "the connection broke"),
    (httpcore.LocalProtocolError, "the request cannot be written as HTTP"),
    (httpcore.ProtocolError, "there was no HTTP response"),
)
_FAILURES: Final[tuple[type[Exception], ...]] = (
    CallbackRefused,
    *(kind for kind, _phrase in _PHRASES),
)


class WebhookSender:
    """Sends requests to where callbacks may go: no redirects, no proxies, one deadline each.

    The name is looked up once, all its addresses are checked, and one of those is connected to.

    Args:
        rules: where callbacks may go.
        lookup: finds addresses.
        tls: whom to trust; the system's authorities when None.
        deadline_s: seconds for everything from the lookup to the answer.
    """

    def __init__(
        self,
        rules: CallbackRules,
        *,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_SECONDS,
    ) -> None:
        self._rules = rules
        self._lookup = lookup or Lookup()
        self._tls = tls or ssl.create_default_context()
        self._deadline_s = deadline_s

    def send(self, address: str, headers: Mapping[str, str], body: bytes) -> Attempted:
        """Post a body, and say what came of it in words that hold no secret.

        Args:
            address: may hold secrets.
            headers: besides `Host`, `Content-Length` and `Connection`.
            body: sent as it is.
        """
        deadline = Deadline(self._deadline_s)
        try:
            url = self._rules.parse(address)
        except CallbackRefused as refused:
            # While settings change, another worker may have others.
            return Attempted(problem=_phrase(refused))
        try:
            code, retry_after = self._exchange(url, headers, body, deadline)
        except _FAILURES as error:
            return Attempted(problem=_problem(error), took_ms=deadline.past_ms())
        return Attempted(
            code=code,
            problem=_judgement(code),
            retry_after=retry_after,
            took_ms=deadline.past_ms(),
        )

    def _exchange(
        self, url: CallbackUrl, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, timedelta | None]:
        found = [url.host] if url.address else self._lookup.addresses(url.host, deadline)
        backend = PinnedBackend(self._rules.admit(url, found), deadline)
        destination = httpcore.URL(
            scheme=url.scheme, host=url.host, port=url.port, target=url.target
        )
        whole = {
            "Host": url.authority,
            **headers,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        with (
            httpcore.HTTPConnection(
                destination.origin, ssl_context=self._tls, network_backend=backend
            ) as connection,
            connection.stream(
                "POST", destination, headers=list(whole.items()), content=body
            ) as answer,
        ):
            _throw_away(answer, deadline)
            return answer.status, _retry_after(answer.headers)


def _throw_away(answer: httpcore.Response, deadline: Deadline) -> None:
    # The status has been said. To hang up at once would show the receiver a broken connection.
    stream = answer.extensions.get("network_stream")
    with contextlib.suppress(
        DeadlineExceeded, ResponseTooLarge, httpcore.NetworkError, httpcore.ProtocolError
    ):
        if isinstance(stream, PinnedStream):
            stream.deadline = deadline.sooner(BODY_SECONDS)
        read = 0
        for piece in answer.iter_stream():
            read += len(piece)
            if read >= MAX_BODY_BYTES:
                return


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> timedelta | None:
    said = {name.lower(): value.decode("latin-1") for name, value in reversed(headers)}
    value = said.get(b"retry-after", "")
    if value.isascii() and value.isdecimal():
        seconds = float(value[:_MAX_DIGITS])
    else:
        try:
            # A date is meant by the clock of who sent it, which the answer tells.
            now = parsedate_to_datetime(said[b"date"]) if b"date" in said else _now()
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return timedelta(seconds=max(0.0, min(seconds, _MAX_WAIT_SECONDS)))


def _now() -> datetime:
    return datetime.now(UTC)


def _judgement(code: int) -> str:
    return "redirects are not followed" if code in _REDIRECTS else ""


def _problem(error: Exception) -> str:
    if isinstance(error, CallbackRefused):
        return _phrase(error)
    if isinstance(error, httpcore.ConnectError):
        return _unconnected(error.__cause__)
    return next(phrase for kind, phrase in _PHRASES if isinstance(error, kind))


def _unconnected(cause: BaseException | None) -> str:
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {cause.verify_message}"
        case ssl.SSLError():
            return "the TLS handshake failed"
        case ConnectionRefusedError():
            return "the connection was refused"
    return "the host could not be reached"


def _phrase(refused: Exception) -> str:
    sentence = str(refused)
    return sentence[:1].lower() + sentence[1:].rstrip(".")
