"""A connection to one server, and the requests that all calls share."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, cast
from urllib.parse import quote

import httpx

from callboard.client.answer_types import JobObject
from callboard.client.encoding import encode
from callboard.client.errors import CannotAsk
from callboard.client.files import Form
from callboard.client.proxy_and_tls import by_proxy
from callboard.client.transport import Transport
from callboard.client.wait_for_job import WAIT_SECONDS

ANSWER_SECONDS: Final = 15.0


class Connection:
    """Sends requests to one server."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        patience: float = 30.0,
        on_away: Callable[[str], None] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        try:
            http = httpx.Client(
                base_url=url,
                headers=headers,
                timeout=WAIT_SECONDS + ANSWER_SECONDS,
                transport=transport,
            )
        except UnicodeEncodeError:  # its own message contains the key
            raise CannotAsk("The API key contains characters that no Callboard key has.") from None
        except ImportError as error:
            raise CannotAsk(
                f"{url} cannot be reached{by_proxy(httpx.URL(url))}: SOCKS needs another package; "
                "run pip install 'callboard[socks]'."
            ) from error
        except (ValueError, OSError, httpx.InvalidURL) as error:
            raise CannotAsk(
                f"{url} cannot be reached: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY or "
                f"SSL_CERT_FILE in the environment is invalid ({type(error).__name__})."
            ) from error
        self._transport = Transport(http, patience=patience, on_away=on_away)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and end waits."""
        self._transport.close()

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        page = self._read("GET", path, "items", "next", params=params)
        yield from page["items"]
        while page["next"]:
            page = self._read("GET", target(page["next"]), "items", "next")
            yield from page["items"]

    def _read(self, method: str, path: str, *members: str, **request: Any) -> dict[str, Any]:
        """Request an object with at least these members."""
        response = self._transport.ask(method, path, **request)
        return self._transport.document(response, *members)

    def _create(
        self,
        path: str,
        idempotency_key: str | None,
        body: Mapping[str, Any] | None = None,
        **request: Any,
    ) -> dict[str, Any]:
        headers = {
            "Idempotency-Key": idempotency_key or str(uuid.uuid4()),
            "Prefer": "respond-async",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
            request["content"] = encode(body).encode()
        response = self._transport.ask("POST", path, headers=headers, **request)
        if response.status_code == httpx.codes.SEE_OTHER:
            # A duplicate, for which the operation returns the active job.
            response = self._transport.ask("GET", target(response.headers["location"]))
        return self._transport.document(response, "id", "status")

    def _create_by_form(
        self,
        operation: str,
        idempotency_key: str | None,
        form: Form,
        options: Mapping[str, Any],
    ) -> JobObject:
        """Submit a job with its files in one form: all is stored, or nothing."""
        with form.parts() as parts:
            path = f"/v1/operations/{segment(operation)}"
            made = self._create(path, idempotency_key, files=parts, params=_as_query(options))
        return cast("JobObject", made)


def segment(identifier: str) -> str:
    """Encode an id as a path segment."""
    return quote(identifier, safe="")


def target(url: str) -> str:
    """Return the path of a link: the client may reach the server by another host."""
    found = httpx.URL(url).raw_path.decode()
    return found[found.index("/v1/") :]


def with_callback(
    options: dict[str, Any], callback: str | Mapping[str, Any] | None
) -> dict[str, Any]:
    """Add the callback to a submission, if there is one."""
    if callback is None:
        return options
    said = {"url": callback} if isinstance(callback, str) else dict(callback)
    return {**options, "callback": said}


def _as_query(options: Mapping[str, Any]) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in options.items():
        match name, value:
            case _, None:
                continue
            case _, list():
                query[name] = ",".join(map(str, value))
            case "labels", Mapping():
                query |= {f"label.{label}": str(each) for label, each in value.items()}
            case "callback", Mapping():
                query |= {
                    f"callback_{member}": ",".join(each) if isinstance(each, list) else str(each)
                    for member, each in value.items()
                }
            case _:
                query[name] = str(value)
    return query
