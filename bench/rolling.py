"""Replace every process under load: `python -m bench.rolling [--seconds 60] [--jobs 50]`.

It starts a redis-server, a RabbitMQ node, a web server of two processes and two workers of its
own. While clients submit and wait, web is restarted by SIGHUP, and each worker is followed by
another one and then told to stop. Figures are printed as JSON.
"""

import argparse
import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from bench.serving import serving
from bench.waiting import spread
from jobs.store import Store
from tests.eventually import eventually
from tests.system.stack import BOOT_SECONDS, Stack, Started

LONG_S: Final = 3.0
"""Longer than the grace of these workers, so that stopping ones release such jobs."""

_WAIT_S: Final = 10
_PATIENCE_S: Final = 60.0
# Below gunicorn's: a client that is as patient as its server may send on a closed connection.
_IDLE_S: Final = 2.0
_MOST_REQUESTS: Final = 200


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is asked of the installation.

    Attributes:
        jobs: submissions a second.
        long: how many of a hundred jobs run for three seconds; the others end at once.
        seconds: how long submissions come.
    """

    jobs: float = 50
    long: float = 2
    seconds: float = 60


@dataclass
class Seen:
    """What the clients saw."""

    codes: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)


def measure(stack: Stack, load: Load) -> dict[str, Any]:
    """Put a load on an installation of two workers, replace all of it, and give the figures."""
    seen = asyncio.run(_run(stack, load))
    fields = _read_fields(stack.store, list(seen.statuses))
    return {
        "jobs": len(seen.statuses),
        "requests": sum(seen.codes.values()),
        "answers": dict(seen.codes),
        "failed_requests": sum(n for code, n in seen.codes.items() if not code.startswith("2")),
        "requests_ms": spread(seen.took_s),
        "statuses": dict(Counter(seen.statuses.values())),
        "counted_failures": sum(int(each["failures"]) for each in fields),
        "counted_crashes": sum(int(each["crashes"]) for each in fields),
        "released": sum(int(each["attempt"]) > 1 for each in fields),
    }


async def _run(stack: Stack, load: Load) -> Seen:
    seen = Seen()
    limits = httpx.Limits(max_connections=_MOST_REQUESTS, keepalive_expiry=_IDLE_S)
    async with httpx.AsyncClient(base_url=stack.url, timeout=_PATIENCE_S, limits=limits) as client:
        replacing = asyncio.create_task(asyncio.to_thread(_replace_all, stack, load.seconds))
        began = time.monotonic()
        following = []
        for number in range(int(load.jobs * load.seconds)):
            await asyncio.sleep(max(0.0, began + number / load.jobs - time.monotonic()))
            following.append(asyncio.create_task(_follow(client, load, seen)))
        await replacing
        await asyncio.gather(*following)
    return seen


async def _follow(client: httpx.AsyncClient, load: Load, seen: Seen) -> None:
    """Submit a job and wait for its end, as often as that takes."""
    seconds = LONG_S if random.random() * 100 < load.long else 0
    body = {"operation": "wait", "params": {"seconds": seconds}}
    job = await _ask(seen, lambda: client.post("/v1/jobs", json=body))
    if job is None:
        return
    job_id, end = job["id"], time.monotonic() + _PATIENCE_S
    seen.statuses[job_id] = job["status"]
    prefer = {"Prefer": f"wait={_WAIT_S}"}
    while seen.statuses[job_id] not in ("succeeded", "failed", "cancelled"):
        job = await _ask(seen, lambda: client.get(f"/v1/jobs/{job_id}", headers=prefer))
        if job is None or time.monotonic() > end:
            return
        seen.statuses[job_id] = job["status"]


async def _ask(seen: Seen, send: Callable[[], Any]) -> dict[str, Any] | None:
    began = time.monotonic()
    try:
        response: httpx.Response = await send()
    except httpx.HTTPError as error:
        seen.codes[type(error).__name__] += 1
        return None
    seen.codes[str(response.status_code)] += 1
    if "Preference-Applied" not in response.headers:
        seen.took_s.append(time.monotonic() - began)
    answer: dict[str, Any] = response.json()
    return answer if response.is_success else None


def _replace_all(stack: Stack, seconds: float) -> None:
    """Replace web in the first third and a worker in each of the others."""
    web, *workers = stack.started
    began = time.monotonic()
    web.process.send_signal(signal.SIGHUP)
    for number, worker in enumerate(workers, 1):
        _replace(stack, worker, due=began + number * seconds / (len(workers) + 1))


def _replace(stack: Stack, worker: Started, *, due: float) -> None:
    """Start another worker, and once it is there have this one stop."""
    eventually(lambda: time.monotonic() >= due, what="its turn", timeout=due)
    before = set(stack.pids_of_workers())
    stack.worker()
    eventually(
        lambda: set(stack.pids_of_workers()) - before,
        what="the next worker says hello",
        timeout=BOOT_SECONDS,
    )
    worker.process.terminate()
    if worker.process.wait(BOOT_SECONDS) != 0:
        raise RuntimeError(f"a worker ended badly: {worker.log}")


def _read_fields(store: Store, job_ids: list[str]) -> list[dict[str, str]]:
    names = ("failures", "crashes", "attempt")
    rows = store.pipeline(*(("HMGET", store.keys("job", each), *names) for each in job_ids))
    return [dict(zip(names, (value.decode() for value in row), strict=True)) for row in rows]


def main() -> None:
    """Start servers and processes, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, each in Load.__dataclass_fields__.items():
        parser.add_argument(f"--{name}", type=type(each.default), default=each.default)
    load = Load(**vars(parser.parse_args()))
    with serving(CALLBOARD_WEB_CONCURRENCY="2") as stack:
        for _ in range(2):
            stack.worker()
        stack.await_workers(2)
        print(json.dumps(measure(stack, load), indent=2))


if __name__ == "__main__":
    main()
