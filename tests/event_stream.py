"""Event streams as a browser reads them (WHATWG HTML, section 9.2.6)."""

import json
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from falcon import testing

from tests.eventually import eventually


@dataclass(frozen=True)
class Event:
    """What a browser dispatches."""

    name: str
    data: Any
    id: str


@dataclass
class Reading:
    """A parser of one stream, fed with received bytes."""

    events: list[Event] = field(default_factory=list)
    comments: int = 0
    retry_ms: int | None = None
    last_id: str = ""
    _buffer: bytes = b""
    _fields: dict[str, list[str]] = field(default_factory=dict)

    def feed(self, data: bytes) -> None:
        """Feed some bytes."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(line.decode("utf-8"))

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.events]

    def of(self, name: str) -> list[Event]:
        return [each for each in self.events if each.name == name]

    def _take(self, line: str) -> None:
        if not line:
            self._dispatch()
        elif line.startswith(":"):
            self.comments += 1
        else:
            name, _, value = line.partition(":")
            self._fields.setdefault(name, []).append(value.removeprefix(" "))

    def _dispatch(self) -> None:
        fields, self._fields = self._fields, {}
        self.last_id = fields.get("id", [self.last_id])[-1]
        if "retry" in fields:
            self.retry_ms = int(fields["retry"][-1])
        if "data" in fields:
            data = json.loads("\n".join(fields["data"]))
            self.events.append(Event(fields.get("event", ["message"])[-1], data, self.last_id))


class Follower:
    """A client that reads a stream of an application in its own thread."""

    def __init__(
        self, app: Any, job_id: str, *, last_id: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        given = {**({"Last-Event-ID": last_id} if last_id else {}), **(headers or {})}
        self.reading = Reading()
        self.status = ""
        self.ended = threading.Event()
        self._leave = threading.Event()
        environ = testing.create_environ(f"/v1/jobs/{job_id}/events", headers=given)
        self._body: Iterable[bytes] = app(environ, self._start)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def sees(self, name: str, count: int = 1) -> list[Event]:
        """Wait until a number of events of a name have arrived."""
        return eventually(
            lambda: len(found := self.reading.of(name)) >= count and found,
            what=f"{count} {name} came",
        )

    def waits(self) -> None:
        """Wait until it has read everything and nothing more arrives for now."""
        eventually(
            lambda: (
                (frame := sys._current_frames().get(self._thread.ident or 0)) is not None
                and frame.f_code is threading.Condition.wait.__code__
            ),
            what="the reader waits for events",
        )

    def ends(self) -> Reading:
        """Wait for the end of the stream."""
        assert self.ended.wait(10), "the stream does not end"
        self._thread.join()
        return self.reading

    def _start(self, status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
        self.status, self.headers = status, dict(headers)

    def _read(self) -> None:
        body: Iterator[bytes] = iter(self._body)
        for chunk in body:
            self.reading.feed(chunk)
        getattr(self._body, "close", bool)()
        self.ended.set()
