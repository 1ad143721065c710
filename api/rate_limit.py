"""The rate limit: decides on each tenant's requests, and sends the quota in headers."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import falcon

from callboard.api.request import ANONYMOUS, Request, is_large
from callboard.config import Rate
from callboard.jobs.errors import RateExceeded, Refused, StoreUnavailable
from callboard.jobs.rate import count_request, look_at_rate
from callboard.jobs.rate_quota import Charge, Quota
from callboard.jobs.store import Store
from callboard.jobs.submit import Accepted

SUBMISSIONS: Final = frozenset(
    {"/v1/jobs", "/v1/operations/{name}", "/v1/jobs/{job_id}/retry", "/v1/batches"},
)
"""Routes whose POST submits jobs; these are counted together with their decision."""

_SERVER_ERRORS: Final = 500


class RateLimit:
    """Middleware that refuses requests beyond the caller's rate, and sends what is left.

    Args:
        store: keeps the count.
        rate: the rate of each tenant; None for no limit.
    """

    def __init__(self, store: Store, rate: Rate | None) -> None:
        self._store = store
        self._rate: Final = rate

    def process_resource(
        self, req: Request, _resp: falcon.Response, _resource: object, _params: object
    ) -> None:
        """Count a request that submits nothing; check the rate before a large submission.

        Raises:
            RateExceeded: the request is beyond the rate.
            StoreUnavailable: Redis does not answer.
        """
        if not _submits(req):
            self._count(req)
        elif is_large(req) and req.get_header("Idempotency-Key") is None:
            self._look(req)  # a repeat is answered beyond the rate, too

    def process_response(
        self, req: Request, resp: falcon.Response, _resource: object, _succeeded: object
    ) -> None:
        """Add the quota's headers; count a request that was refused before it was counted.

        Raises:
            RateExceeded: refused requests are beyond the rate as well.
        """
        try:
            if req.context.quota is None and resp.status_code < _SERVER_ERRORS:
                with suppress(StoreUnavailable):
                    self._count(req)
        finally:
            known = (req.context.quota, req.context.submission_quota)
            if quotas := [each for each in known if each is not None]:
                resp.set_headers(rate_headers(quotas))

    def _look(self, req: Request) -> None:
        """Refuse a large submission before it is read; it is counted with its decision."""
        charge = charge_of(req, self._rate)
        if charge is None:
            return
        try:
            look_at_rate(self._store, charge)
        except RateExceeded as error:
            req.context.quota = error.violated
            raise

    def _count(self, req: Request) -> None:
        charge = charge_of(req, self._rate)
        if charge is None:
            return
        try:
            req.context.quota = count_request(self._store, charge)
        except RateExceeded as error:
            req.context.quota = error.violated
            raise


def charge_of(req: Request, rate: Rate | None) -> Charge | None:
    """Return whose quota a request uses; None where it uses none, or was counted already."""
    caller = req.context.caller
    counted = req.context.quota is not None
    if rate is None or counted or caller is ANONYMOUS:  # as it is where no role is needed
        return None
    return Charge(caller.tenant, rate)


def payer_of(req: Request, *, retries: bool = False) -> str | None:
    """Return the tenant whose quota of submissions a request uses; None where it uses none.

    Args:
        req: the request.
        retries: whether it runs an earlier job again, which operators may always do.
    """
    caller = req.context.caller
    exempt = caller is ANONYMOUS or (retries and caller.may("operator"))
    return None if exempt else caller.tenant


def keep_quotas(req: Request, decided: Accepted | Refused) -> None:
    """Keep what a submission left of its quotas, for the headers of the response."""
    req.context.quota = decided.quota or req.context.quota
    req.context.submission_quota = decided.submission_quota


def rate_headers(quotas: Sequence[Quota]) -> dict[str, str]:
    """Write quotas as structured fields (draft-ietf-httpapi-ratelimit-headers-10)."""
    policies = [f'"{each.policy}";q={each.rate.requests};w={each.rate.window_s}' for each in quotas]
    left = [f'"{each.policy}";r={each.left};t={each.reset_s}' for each in quotas]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def _submits(req: Request) -> bool:
    return req.method == "POST" and req.uri_template in SUBMISSIONS
