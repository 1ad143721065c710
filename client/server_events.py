"""Parses server-sent events by the HTML standard (section 9.2.6)."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_DIGITS: Final = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Event:
    """An event of a job.

    Attributes:
        kind: `status`, `progress`, `log` or `done`.
        data: the job object, its progress, or a line of its log.
        id: where a later stream resumes.
    """

    kind: str
    data: Any
    id: str


@dataclass
class EventParser:
    """Parses the bytes of event streams.

    Attributes:
        last_id: the id of the last event, over all connections.
        retry_ms: how long the server asks to wait before the next connection.
    """

    last_id: str = ""
    retry_ms: int | None = None
    _kind: str = ""
    _data: list[str] = field(default_factory=list)

    def events(self, chunks: Iterable[bytes]) -> Iterator[Event]:
        """Parse a stream to its end; an event that is cut off is dropped.

        Raises:
            ValueError: an event's data is no JSON.
        """
        self._kind, self._data = "", []
        for line in _lines(chunks):
            if line:
                self._take(line)
                continue
            kind, data, self._kind, self._data = self._kind, self._data, "", []
            if data:
                yield Event(kind or "message", json.loads("\n".join(data)), self.last_id)

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._kind = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self.last_id = value
            case "retry" if _DIGITS.fullmatch(value):
                self.retry_ms = int(value)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Split at CR, LF and CRLF alone; what is left at the end of the stream is no line."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest, first = "", True
    for chunk in chunks:
        rest += decoder.decode(chunk)
        if first and rest:
            rest, first = rest.removeprefix("\ufeff"), False
        # A CR at the end may be the first half of a CRLF.
        held = "\r" if rest.endswith("\r") else ""
        *lines, rest = _LINE_END.split(rest.removesuffix(held))
        rest += held
        yield from lines
    if rest.endswith("\r"):
        yield rest.removesuffix("\r")
