"""Replace every process under load: `python -m bench.rolling [--seconds 60] [--jobs 50]`.

It starts its own redis-server, RabbitMQ node, web server of two processes and two workers. While
clients submit and wait, web is restarted with SIGHUP, and each worker is stopped after another
one has started. Figures are printed as JSON.
"""

import argparse
import json
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from threading import Event
from typing import Any, Final

from bench.serving import serving
from bench.waiting import spread
from callboard.jobs.store import Store
from tests.eventually import eventually
from tests.system.stack import BOOT_SECONDS, Stack, Started

LONG_S: Final = 3.0
"""Longer than the grace of these workers, so that stopping ones release such jobs."""

_WAIT_S: Final = 10
_PATIENCE_S: Final = 60.0
_MAX_CLIENTS: Final = 200


@dataclass(frozen=True, kw_only=True)
class Load:
    """The load on the installation.

    Attributes:
        jobs: submissions per second.
        long: percentage of jobs that run for three seconds; the others end at once.
        seconds: duration of submissions.
    """

    jobs: float = 50
    long: float = 2
    seconds: float = 60


@dataclass
class Seen:
    """What the clients measured."""

    codes: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)


def measure(stack: Stack, load: Load) -> dict[str, Any]:
    """Load an installation with two workers, replace all of it, and return the figures."""
    seen = _run(stack, load)
    fields = _read_fields(stack.store, list(seen.statuses))
    return {
        "jobs": len(seen.statuses),
        "requests": sum(seen.codes.values()),
        "answers": dict(seen.codes),
        "failed_requests": sum(n for code, n in seen.codes.items() if not code.startswith("2")),
        "submit_ms": spread(seen.took_s),
        "statuses": dict(Counter(seen.statuses.values())),
        "counted_failures": sum(int(each["failures"]) for each in fields),
        "counted_crashes": sum(int(each["crashes"]) for each in fields),
        "released": sum(int(each["attempt"]) > 1 for each in fields),
    }


def _run(stack: Stack, load: Load) -> Seen:
    seen = Seen()
    began, pace = time.monotonic(), Event()
    with ThreadPoolExecutor(_MAX_CLIENTS) as clients:
        replacing = clients.submit(_replace_all, stack, load.seconds)
        following = []
        for number in range(int(load.jobs * load.seconds)):
            pace.wait(max(0.0, began + number / load.jobs - time.monotonic()))
            following.append(clients.submit(_follow, stack, load, seen))
        for each in (replacing, *following):
            each.result()
    return seen


def _follow(stack: Stack, load: Load, seen: Seen) -> None:
    """Submit a job on a new connection, and wait there for its end, repeatedly if necessary."""
    seconds = LONG_S if random.random() * 100 < load.long else 0
    body = json.dumps({"operation": "wait", "params": {"seconds": seconds}})
    with closing(HTTPConnection("127.0.0.1", stack.port, timeout=_PATIENCE_S)) as connection:
        began = time.monotonic()
        job = _ask(seen, connection, "POST", "/v1/jobs", body, {"Content-Type": "application/json"})
        seen.took_s.append(time.monotonic() - began)
        while job is not None:
            seen.statuses[job["id"]] = job["status"]
            over = time.monotonic() - began > _PATIENCE_S
            if over or job["status"] in ("succeeded", "failed", "cancelled"):
                return
            path = f"/v1/jobs/{job['id']}"
            job = _ask(seen, connection, "GET", path, None, {"Prefer": f"wait={_WAIT_S}"})


def _ask(
    seen: Seen, connection: HTTPConnection, method: str, path: str, body: str | None, headers: Any
) -> dict[str, Any] | None:
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, HTTPException) as error:
        seen.codes[type(error).__name__] += 1
        return None
    seen.codes[str(response.status)] += 1
    answer: dict[str, Any] = json.loads(content)
    return answer if response.status < HTTPStatus.MULTIPLE_CHOICES else None


def _replace_all(stack: Stack, seconds: float) -> None:
    """Replace web in the first third and a worker in each of the others."""
    web, *workers = stack.started
    began = time.monotonic()
    web.process.send_signal(signal.SIGHUP)
    for number, worker in enumerate(workers, 1):
        _replace(stack, worker, due=began + number * seconds / (len(workers) + 1))


def _replace(stack: Stack, worker: Started, *, due: float) -> None:
    """Start another worker, and stop this one once the other is ready."""
    eventually(lambda: time.monotonic() >= due, what="its turn", timeout=due)
    before = set(stack.pids_of_workers())
    stack.worker()
    eventually(
        lambda: set(stack.pids_of_workers()) - before,
        what="the next worker sends a heartbeat",
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
        stack.await_web(stack.started[0], 2)
        print(json.dumps(measure(stack, load), indent=2))


if __name__ == "__main__":
    main()
