"""HTTP calls that are recorded: time, and answer or error."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.chaos.history import History

_TIMEOUT_SECONDS: Final = 15.0


@dataclass(frozen=True)
class Answer:
    """The outcome of a call; `code` is None without an answer."""

    code: int | None
    body: Mapping[str, Any]

    @property
    def undecided(self) -> bool:
        """Whether the effect is unknown, or the server was unavailable."""
        return self.code is None or self.code >= 500

    @property
    def job(self) -> str | None:
        """The job in the answer, if any."""
        found = self.body.get("id")
        return found if isinstance(found, str) else None


class Caller:
    """One client, which makes one call at a time and records each when it ends."""

    def __init__(self, url: str, who: str, history: History) -> None:
        self.who: Final = who
        self._history = history
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def call(
        self, call: str, method: str, path: str, *, about: Mapping[str, Any], **request: Any
    ) -> Answer:
        """Make a call.

        Args:
            call: submit, poll, cancel, retry, purge or batch.
            method: of HTTP.
            path: with its query.
            about: members of the history that describe the call.
            request: headers and body, as httpx takes them.

        """
        began = time.time()
        error = None
        try:
            response = self._http.request(method, path, **request)
            answer = Answer(response.status_code, _body(response))
        except httpx.TransportError as failed:
            error, answer = type(failed).__name__, Answer(None, {})
        event = {
            "from": "client",
            "who": self.who,
            "call": call,
            "began": began,
            "ended": time.time(),
            "code": answer.code,
            "error": error,
            "problem": _problem(answer),
            "job": answer.job if _accepted(answer) else None,
            "idempotency_key": None,
            "operation": None,
            "unique": None,
            "seen": _seen(answer.body),
        }
        if call == "batch":
            event["jobs"] = accepted_in(answer.body)
        self._history.add({**event, **about})
        return answer


def accepted_in(batch: Mapping[str, Any]) -> list[str]:
    """Return the ids of the jobs that a batch created."""
    items = batch.get("items", ())
    return [item["job"]["id"] for item in items if item["status"] == "accepted"]


def _accepted(answer: Answer) -> bool:
    return answer.code in (200, 202)


def _body(response: httpx.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _problem(answer: Answer) -> str | None:
    kind = answer.body.get("type")
    return kind.rpartition("/")[2] if isinstance(kind, str) else None


def _seen(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if "operation" not in body or "attempt" not in body:
        return None
    return {name: body.get(name) for name in ("status", "attempt", "result")}
