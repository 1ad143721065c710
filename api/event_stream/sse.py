"""Server-sent events as they are written (WHATWG HTML, section 9.2.5)."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

MEDIA_TYPE: Final = "text/event-stream"
KEEP_ALIVE: Final = b": still here\n\n"
OPENING: Final = b": this is a stream of events\n\n"


def event(name: str, data: Mapping[str, Any], *, id: str | None = None) -> bytes:
    """Write one event; JSON has no line breaks, so its data are one line.

    Args:
        name: its type.
        data: JSON-like; numbers that JSON does not have are null.
        id: what a client sends as `Last-Event-ID` when it comes back; None keeps the one before.
    """
    head = b"" if id is None else b"id: %s\n" % id.encode()
    body = to_json(data, inf_nan_mode="null")
    return b"%sevent: %s\ndata: %s\n\n" % (head, name.encode(), body)


def retry(milliseconds: int) -> bytes:
    """Write how long a client is to wait before it comes back."""
    return b"retry: %d\n\n" % milliseconds
