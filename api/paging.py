"""Where a listing goes on."""

import falcon

from callboard.api.request import Request
from callboard.api.urls import with_query


def next_page(
    req: Request, resp: falcon.Response, address: str, **changed: str | None
) -> str | None:
    """Give the address of the next page, which `Link` (RFC 8288) says as well.

    Args:
        req: asks for this page.
        resp: its answer.
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
