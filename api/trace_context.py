"""The W3C Trace Context of a request, as stored with a job."""

import re
from typing import Final, NamedTuple

MAX_STATE_LENGTH: Final = 512
MAX_MEMBERS: Final = 32
LARGE_MEMBER: Final = 128

_PARENT: Final = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})"
    r"-(?P<trace>(?!0{32})[0-9a-f]{32})"
    r"-(?P<parent>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
_MEMBER: Final = re.compile(
    r"(?P<key>[a-z0-9][_0-9a-z\-*/]{0,240}@[a-z][_0-9a-z\-*/]{0,13}|[a-z][_0-9a-z\-*/]{0,255})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
# Whether the trace is sampled and whether its id is random; other flags have no meaning yet.
_KNOWN_FLAGS: Final = 0x03


class TraceContext(NamedTuple):
    """Where in which trace a request was made, and what the tracing systems on its way say."""

    traceparent: str
    tracestate: str | None = None


def parse_trace_context(traceparent: str, tracestate: str = "") -> TraceContext | None:
    """Read the two headers; a malformed `traceparent` counts as none, and so does its state.

    W3C Trace Context, sections 3.2 and 3.3: of a version that is not known yet the first four
    parts are read, and they are kept as version 00.

    Args:
        traceparent: the header's value.
        tracestate: the header's value, with those of repeated headers joined by commas.
    """
    found = _PARENT.fullmatch(traceparent.strip(" \t"))
    if found is None or (found["version"] == "00" and found["more"]):
        return None
    flags = int(found["flags"], 16) & _KNOWN_FLAGS
    return TraceContext(
        f"00-{found['trace']}-{found['parent']}-{flags:02x}", parse_trace_state(tracestate)
    )


def parse_trace_state(given: str) -> str | None:
    """Read a `tracestate`; a malformed one counts as none.

    One that is too long loses whole members: large ones first, then the last ones.
    """
    members = [member for part in given.split(",") if (member := part.strip(" \t"))]
    matches = [_MEMBER.fullmatch(member) for member in members]
    keys = {match["key"] for match in matches if match}
    if len(keys) < len(members) or len(members) > MAX_MEMBERS:
        return None
    while len(kept := ",".join(members)) > MAX_STATE_LENGTH:
        large = [number for number, member in enumerate(members) if len(member) > LARGE_MEMBER]
        del members[large[-1] if large else -1]
    return kept or None
