"""The end of a run: all faults end, every job ends, and the remaining data is checked."""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from redis.exceptions import RedisError

from callboard.jobs.encoding import decode
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.limit import limit
from callboard.jobs.store import Store
from tests.chaos.drivers import fill_and_hurry
from tests.chaos.fault_context import DECLARED
from tests.chaos.installation import ChaosInstallation
from tests.chaos.verdict.order import SETTLE_MS
from tests.eventually import eventually
from tests.invariants import Seen, complaints, look, no_job_waits_in_vain, nothing_is_held

QUIET_SECONDS: Final = 420.0
"""Until the last job ends: a lost message is detected after a minute or two."""

_SETTLE_SECONDS: Final = 30.0


def quiesce(chaos_installation: ChaosInstallation, seed: int) -> None:
    """End all faults and wait for a bounded time until no job is active.

    Without faults, urgent jobs then join a long queue, and their order is judged.
    """
    chaos_installation.restore()
    eventually(
        chaos_installation.whole, what="all processes run", timeout=QUIET_SECONDS, interval=0.2
    )
    chaos_installation.history.nemesis("quiesce")
    eventually(
        lambda: _restore_limits(chaos_installation.store),
        what="the declared limits apply again",
        timeout=120,
        ignoring=StoreUnavailable,
    )
    threading.Event().wait(2 * SETTLE_MS / 1000)
    fill_and_hurry(chaos_installation.url, chaos_installation.history, seed)
    try:
        eventually(
            lambda: (
                chaos_installation.store.redis.zcard(chaos_installation.store.keys("active")) == 0
            ),
            what="all jobs have ended",
            timeout=QUIET_SECONDS,
            interval=0.5,
            ignoring=RedisError,
        )
        eventually(
            lambda: not list(_wrong(look(chaos_installation.store))),
            what="nothing is held",
            timeout=_SETTLE_SECONDS,
            interval=1.0,
            ignoring=(RedisError, StoreUnavailable),
        )
    except AssertionError:
        return  # the final check reports what is wrong


def _restore_limits(store: Store) -> bool:
    limit(store, dict.fromkeys(DECLARED), source="pause")
    limit(store, dict.fromkeys(DECLARED), source="operator")
    return True


def last_look(store: Store, wrong: list[str]) -> dict[str, Any]:
    """Return the state of all jobs, places held without a run, and other faults."""
    seen = look(store)
    return {
        "from": "final",
        "at": int(time.time() * 1000),
        "complaints": [*complaints(seen), *no_job_waits_in_vain(seen), *wrong],
        "jobs": {job_id: _job(store, job_id, fields) for job_id, fields in seen.jobs.items()},
        "held": list(nothing_is_held(seen)),
    }


def _wrong(seen: Seen) -> Iterator[str]:
    yield from complaints(seen)
    yield from nothing_is_held(seen)


def _job(store: Store, job_id: str, fields: Mapping[str, str]) -> dict[str, Any]:
    stored = store.redis.get(store.keys("result", job_id))
    result = decode(stored) if stored is not None else {}
    return {
        "status": fields["status"],
        "attempt": int(fields["attempt"]),
        "failures": int(fields["failures"]),
        "crashes": int(fields["crashes"]),
        "result_nonce": result.get("nonce"),
    }
