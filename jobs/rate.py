"""rate: count a request that submits nothing against its tenant's quota."""

from callboard.jobs.errors import RateExceeded
from callboard.jobs.rate_quota import Charge, Quota
from callboard.jobs.store import Store


def count_request(store: Store, charge: Charge) -> Quota:
    """Count one request; a refused one costs nothing.

    Of requests at the same moment exactly as many are let through as the quota has left. One
    that is repeated after a lost reply may be counted twice.

    Raises:
        RateExceeded: the quota is used up for now.
        StoreUnavailable: Redis does not answer.
    """
    return _run(store, charge, cost=1)


def look_at_rate(store: Store, charge: Charge) -> None:
    """See whether a request would be let through, and count nothing.

    Raises:
        RateExceeded: the quota is used up for now.
        StoreUnavailable: Redis does not answer.
    """
    quota = _run(store, charge, cost=0)
    if not quota.left:
        raise RateExceeded(quota)


def _run(store: Store, charge: Charge, *, cost: int) -> Quota:
    answer = store.run(
        "count_request",
        store.keys("rate", charge.tenant),
        fleeting=True,
        rate_cost=cost,
        rate_requests=charge.rate.requests,
        rate_window_ms=charge.window_ms,
    )
    quota = charge.quota(*answer.values)
    if answer.word == "limited":
        raise RateExceeded(quota)
    return quota
