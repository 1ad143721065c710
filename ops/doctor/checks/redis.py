"""Checks that Redis can be used, and that jobs are safe and quick in it."""

import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import redis

from callboard.jobs import redis_checks
from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.outages import NO_DATABASE, NO_RIGHTS, outage_of
from callboard.jobs.redis_permissions import refusals
from callboard.jobs.store import Store
from callboard.ops.doctor.result import CheckResult

PINGS: Final = 15
SLOW_MS: Final = 20.0
FAR_OFF_S: Final = 2.0
_HEARD_WITHIN_S: Final = 3.0


def check_redis(store: Store, *, strict: bool) -> Iterator[CheckResult]:
    """Yield the results of all checks of Redis.

    Raises:
        StoreUnavailable: it does not answer.
    """
    try:
        yield from _setup(store.redis, strict=strict)
        yield from _rights(store)
        yield from _ears(store)
        yield from _pace(store.redis)
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise StoreUnavailable("Redis does not answer at the moment.") from error
    except redis.ResponseError as error:
        if outage_of(error) != NO_DATABASE:
            raise
        raise StoreUnavailable(f"It {NO_DATABASE}.") from error


def _setup(client: redis.Redis, *, strict: bool) -> Iterator[CheckResult]:
    try:
        setup = redis_checks.read_setup(client)
    except redis.ResponseError as error:
        if outage_of(error) == NO_DATABASE:
            raise
        yield CheckResult(
            "redis setup",
            "unknown",
            f"Redis does not report its configuration: {error}",
            "Allow the user in CALLBOARD_REDIS_URL to call INFO, or use another user.",
        )
        return
    for check in redis_checks.checks(setup, strict=strict):
        yield CheckResult(f"redis {check.about}", check.weight, check.says, check.remedy)


def _rights(store: Store) -> Iterator[CheckResult]:
    refused = refusals(store)
    if not refused:
        yield CheckResult(
            "redis rights", "ok", "The Redis user has all permissions that are needed."
        )
        return
    remedy = "See the other results for Redis. Jobs continue once it accepts writes."
    if refused[0].reason == NO_RIGHTS:
        ours = f"~{store.keys.prefix}* &{store.keys.prefix}*"
        remedy = f"ACL SETUSER <user> {ours} +@all -@dangerous +info"
    yield CheckResult(
        "redis rights",
        "problem",
        f"{refused[0]}",
        remedy,
        tuple(each.text for each in refused[1:4]),
    )


@dataclass
class _Ear:
    """A subscription that waits for one message."""

    pubsub: Any
    token: bytes

    def hears(self) -> bool:
        end = time.monotonic() + _HEARD_WITHIN_S
        while time.monotonic() < end:
            message = self.pubsub.get_message(timeout=0.1)
            if message and message["type"] == "message" and message["data"] == self.token:
                return True
        return False


def _ears(store: Store) -> Iterator[CheckResult]:
    """Publish to the channel of cancellations and receive it, with the id of no job."""
    channel = store.keys.channel("cancels")
    ear = _Ear(store.redis.pubsub(), str(uuid.uuid4()).encode())
    reason = "nothing came back"
    with closing(ear.pubsub):
        try:
            ear.pubsub.subscribe(channel)
            ear.pubsub.get_message(timeout=_HEARD_WITHIN_S)
            store.redis.publish(channel, ear.token)
            heard = ear.hears()
        except redis.ResponseError as error:
            heard, reason = False, str(error)
    if heard:
        yield CheckResult("redis channels", "ok", "Pub/sub works.")
    else:
        yield CheckResult(
            "redis channels",
            "problem",
            f"Pub/sub does not work, so waits and cancels are delayed: {reason}",
            f"Allow the user to subscribe and publish: ACL SETUSER <user> &{store.keys.prefix}*",
        )


def _pace(client: redis.Redis, clock: Callable[[], float] = time.time) -> Iterator[CheckResult]:
    took, ahead = [], []
    for _ in range(PINGS):
        began = time.perf_counter()
        here = clock()
        seconds, microseconds = client.time()
        elapsed = time.perf_counter() - began
        took.append(elapsed * 1000)
        ahead.append(here + elapsed / 2 - (int(seconds) + int(microseconds) / 1e6))
    median, worst = statistics.median(took), max(took)
    says = f"Redis answers in {median:.1f} ms (median), {worst:.1f} ms at worst."
    if median > SLOW_MS:
        remedy = "Move it closer, or check its SLOWLOG and its host."
        yield CheckResult("redis latency", "warning", says, remedy)
    else:
        yield CheckResult("redis latency", "ok", says)
    difference = statistics.median(ahead)
    if abs(difference) > FAR_OFF_S:
        way = "ahead of" if difference > 0 else "behind"
        yield CheckResult(
            "clock",
            "warning",
            f"This host's clock is {abs(difference):,.1f} s {way} that of Redis.",
            "Jobs use the clock of Redis; logs and traces use the host's. Run NTP on all of them.",
        )
    else:
        yield CheckResult("clock", "ok", "The clocks of this host and Redis agree.")
