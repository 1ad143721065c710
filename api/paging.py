"""Paging: cursors, and the URL of the next page."""

import base64
import struct
import uuid
from typing import Final

import falcon

from callboard.api.request import Request
from callboard.api.urls import with_query
from callboard.jobs.ids import is_job_id
from callboard.jobs.listing import Position

_CURSOR: Final = struct.Struct(">Q16s")


def next_page(
    req: Request, resp: falcon.Response, address: str, **changed: str | None
) -> str | None:
    """Return the URL of the next page, which is also sent as `Link` (RFC 8288).

    Args:
        req: asks for this page.
        resp: its response.
        address: without query parameters.
        changed: the parameter that the next page has another value of; None on the last page.
    """
    known = {name: value for name, value in changed.items() if value is not None}
    if not known:
        return None
    given = {name: value for name, value in req.params.items() if isinstance(value, str)}
    following = with_query(address, given | known)
    resp.set_header("Link", f'<{following}>; rel="next"')
    return following


def write_cursor(position: Position) -> str:
    """Encode a position as an opaque cursor."""
    packed = _CURSOR.pack(position.created_ms, uuid.UUID(position.job_id).bytes)
    return base64.urlsafe_b64encode(packed).decode()


def read_cursor(text: str) -> Position:
    """Decode a cursor of `write_cursor`.

    Raises:
        ValueError: it is not such a cursor.
    """
    try:
        created_ms, job = _CURSOR.unpack(base64.b64decode(text, altchars=b"-_", validate=True))
    except (ValueError, struct.error) as error:
        raise ValueError("is not a cursor from a previous page") from error
    position = Position(created_ms, str(uuid.UUID(bytes=job)))
    if write_cursor(position) != text or not is_job_id(position.job_id):
        raise ValueError("is not a cursor from a previous page")
    return position
