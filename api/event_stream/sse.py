"""The encoding of server-sent events (WHATWG HTML, section 9.2.5)."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

MEDIA_TYPE: Final = "text/event-stream"
KEEP_ALIVE: Final = b": still here\n\n"
OPENING: Final = b": this is a stream of events\n\n"


def event(name: str, data: Mapping[str, Any], *, id: str | None = None) -> bytes:
    """Encode one event; JSON has no line breaks, so its data are one line.

    Args:
        name: the event's type.
        data: JSON-like; numbers that JSON cannot express become null.
        id: what a client sends as `Last-Event-ID` when it reconnects; None keeps the last one.
    """
    head = b"" if id is None else b"id: %s\n" % id.encode()
    body = to_json(data, inf_nan_mode="null")
    return b"%sevent: %s\ndata: %s\n\n" % (head, name.encode(), body)


def retry(milliseconds: int) -> bytes:
    """Encode how long a client should wait before it reconnects."""
    return b"retry: %d\n\n" % milliseconds
