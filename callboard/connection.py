"""A connection to one server, and the ways of asking that all calls share."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from callboard.files import Source, Sources, parts_of
from callboard.following import WAIT_SECONDS, JobObject
from callboard.transport import Transport

ANSWER_SECONDS: Final = 15.0


class Connection:
    """Asks one server, and closes what that takes."""

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
        http = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=WAIT_SECONDS + ANSWER_SECONDS,
            transport=transport,
        )
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
        """Close the connections, and end pauses."""
        self._transport.close()

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        page = self._transport.ask("GET", path, params=params).json()
        yield from page["items"]
        while page["next"]:
            page = self._transport.ask("GET", target(page["next"])).json()
            yield from page["items"]

    def _create(self, path: str, idempotency_key: str | None, **request: Any) -> dict[str, Any]:
        headers = {
            "Idempotency-Key": idempotency_key or str(uuid.uuid4()),
            "Prefer": "respond-async",
        }
        response = self._transport.ask("POST", path, headers=headers, **request)
        if response.status_code == httpx.codes.SEE_OTHER:
            # A duplicate that the operation answers with the job that is active already.
            response = self._transport.ask("GET", target(response.headers["location"]))
        created: dict[str, Any] = response.json()
        return created

    def _create_by_form(
        self,
        operation: str,
        idempotency_key: str | None,
        params: Mapping[str, Any],
        files: Mapping[str, Source | Sources],
        options: Mapping[str, Any],
    ) -> JobObject:
        """Submit a job and its files by one form: both are there, or neither is."""
        with ExitStack() as stack:
            parts: list[tuple[str, Any]] = [
                ("params", (None, json.dumps(dict(params)), "application/json")),
                *stack.enter_context(parts_of(files)),
            ]
            path = f"/v1/operations/{quote(operation, safe='')}"
            return self._create(path, idempotency_key, files=parts, params=_as_query(options))


def segment(identifier: str) -> str:
    """Write an id as a part of a path."""
    return quote(identifier, safe="")


def target(url: str) -> str:
    """Take what is behind the server's address, for the client may have another one for it."""
    found = httpx.URL(url).raw_path.decode()
    return found[found.index("/v1/") :]


def with_callback(
    options: dict[str, Any], callback: str | Mapping[str, Any] | None
) -> dict[str, Any]:
    """Add to what a submission says where to tell of its end, if anywhere."""
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
