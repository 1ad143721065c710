"""Submit far more than workers can run: `python -m bench.overload [--seconds 20] [--clients 24]`.

It starts its own redis-server, RabbitMQ node, web process and worker. Clients submit as fast as
they are answered, whatever the answer is, while others poll. Figures are printed as JSON.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx

from bench.serving import serving
from bench.waiting import spread
from tests.eventually import eventually
from tests.system.stack import Stack

_PATIENCE_S: Final = 30.0
_LOOK_S: Final = 0.05
_REFUSED: Final = frozenset({429, 503})


@dataclass(frozen=True, kw_only=True)
class Storm:
    """The load on the installation.

    Attributes:
        seconds: minimum duration of submissions.
        submissions: minimum number of submissions.
        clients: number of concurrent clients that submit, each as soon as it is answered.
        pollers: number of clients that poll accepted jobs.
        job_s: how long each job runs.
    """

    seconds: float = 20
    submissions: int = 0
    clients: int = 24
    pollers: int = 4
    job_s: float = 0.2


@dataclass
class Seen:
    """What the clients measured.

    Attributes:
        without_advice: refusals without a usable Retry-After.
        peak_active: maximum number of jobs neither refused nor ended.
        done: number of jobs that had ended at the end of the storm.
    """

    codes: Counter[int] = field(default_factory=Counter)
    poll_codes: Counter[int] = field(default_factory=Counter)
    polls_s: list[float] = field(default_factory=list)
    submits_s: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    without_advice: int = 0
    peak_active: int = 0
    done: int = 0
    lasted_s: float = 0.0

    def goes_on(self, storm: Storm, began: float) -> bool:
        """Return whether the storm continues."""
        self.lasted_s = time.monotonic() - began
        return self.lasted_s < storm.seconds or self.codes.total() < storm.submissions


def weather(stack: Stack, storm: Storm) -> Seen:
    """Run a storm on an installation, and return what was measured."""
    return asyncio.run(_weather(stack, storm))


def drained(stack: Stack) -> bool:
    """Return whether no job is active."""
    return not stack.store.redis.zcard(stack.store.keys("active"))


async def _weather(stack: Stack, storm: Storm) -> Seen:
    seen = Seen()
    limits = httpx.Limits(max_connections=storm.clients + storm.pollers)
    async with httpx.AsyncClient(base_url=stack.url, timeout=_PATIENCE_S, limits=limits) as http:
        goes_on = partial(seen.goes_on, storm, time.monotonic())
        await asyncio.gather(
            *(_submit(http, storm, seen, goes_on, number) for number in range(storm.clients)),
            *(_poll(http, seen, goes_on) for _ in range(storm.pollers)),
            _watch(stack, seen, goes_on),
        )
    active = stack.store.redis.zcard(stack.store.keys("active"))
    seen.done = len(seen.accepted) - active
    return seen


async def _submit(
    http: httpx.AsyncClient, storm: Storm, seen: Seen, goes_on: Callable[[], bool], client: int
) -> None:
    body = {"operation": "wait", "params": {"seconds": storm.job_s}}
    number = 0
    while goes_on():
        number += 1
        began = time.monotonic()
        key = {"Idempotency-Key": f"storm-{client}-{number}"}
        answer = await http.post("/v1/jobs", json=body, headers=key)
        seen.submits_s.append(time.monotonic() - began)
        seen.codes[answer.status_code] += 1
        if answer.status_code == httpx.codes.ACCEPTED:
            seen.accepted.append(answer.json()["id"])
        elif answer.status_code in _REFUSED and not _advises(answer.headers):
            seen.without_advice += 1


def _advises(headers: Mapping[str, str]) -> bool:
    return headers.get("Retry-After", "").isdecimal() and int(headers["Retry-After"]) > 0


async def _poll(http: httpx.AsyncClient, seen: Seen, goes_on: Callable[[], bool]) -> None:
    while goes_on():
        await asyncio.sleep(_LOOK_S)
        if not seen.accepted:
            continue
        began = time.monotonic()
        answer = await http.get(f"/v1/jobs/{seen.accepted[-1]}")
        seen.polls_s.append(time.monotonic() - began)
        seen.poll_codes[answer.status_code] += 1


async def _watch(stack: Stack, seen: Seen, goes_on: Callable[[], bool]) -> None:
    while goes_on():
        active = await asyncio.to_thread(stack.store.redis.zcard, stack.store.keys("active"))
        seen.peak_active = max(seen.peak_active, active)
        await asyncio.sleep(_LOOK_S)


def figures(stack: Stack, seen: Seen) -> dict[str, Any]:
    """Compute the figures; call it when all jobs have ended."""
    memory = stack.store.redis.info("memory")
    return {
        "submissions_per_s": round(seen.codes.total() / seen.lasted_s, 1),
        "done_per_s": round(seen.done / seen.lasted_s, 1),
        "answers": {str(code): count for code, count in seen.codes.items()},
        "without_retry_after": seen.without_advice,
        "peak_active": seen.peak_active,
        "submit_ms": spread(seen.submits_s),
        "poll_ms": spread(seen.polls_s),
        "poll_answers": {str(code): count for code, count in seen.poll_codes.items()},
        "redis_peak_mib": round(memory["used_memory_peak"] / 1024**2, 1),
    }


def main() -> None:
    """Run one storm and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--capacity", type=int, default=200)
    chosen = parser.parse_args()
    storm = Storm(seconds=chosen.seconds, clients=chosen.clients)
    with serving(CALLBOARD_MAX_ACTIVE=str(chosen.capacity)) as stack:
        stack.worker(CALLBOARD_THREADS="4")
        stack.await_workers(1)
        seen = weather(stack, storm)
        eventually(lambda: drained(stack), what="all accepted jobs end", timeout=120)
        print(json.dumps(figures(stack, seen), indent=2))


if __name__ == "__main__":
    main()
