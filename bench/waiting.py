"""Measure a web process with many waits and streams: `python -m bench.waiting [--seconds 30]`.

It starts its own redis-server, RabbitMQ node and web process, and changes jobs from another
process. Figures are printed as JSON.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from bench.clients import Clients
from bench.serving import serving
from tests.system.stack import ROOT, Stack

_SPARE: Final = 200
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_SETTLE_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """The load on the web process.

    Attributes:
        waits: number of waiting requests, each for its own job.
        streams: event streams, spread over the watched jobs.
        watched: running jobs that report.
        reports: reports per second of each.
        finishes: awaited jobs that finish per second.
        polls: status requests per second.
    """

    waits: int = 2000
    streams: int = 500
    watched: int = 20
    reports: float = 4
    finishes: float = 10
    polls: float = 50
    seconds: float = 30


def measure(stack: Stack, load: Load) -> dict[str, Any]:
    """Load the web process of an installation, and return the figures."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    finishes = random.sample(range(load.waits), int(load.finishes * load.seconds))
    plan = {
        "watched": load.watched,
        "waited": load.waits + len(finishes) + _SPARE,
        "reports": load.reports,
        "finishes": [(random.uniform(0, load.seconds), index) for index in finishes],
        "seconds": load.seconds,
    }
    with Changes(stack, plan) as changes:
        return asyncio.run(_run(stack, load, changes))


class Changes:
    """The process that changes jobs by a plan; see `bench.changes`."""

    def __init__(self, stack: Stack, plan: dict[str, Any]) -> None:
        url, namespace = (
            stack.settings[f"CALLBOARD_{name}"] for name in ("REDIS_URL", "NAMESPACE")
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.changes", url, namespace],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self._tell(json.dumps(plan))
        self.ids: dict[str, list[str]] = json.loads(self._hear())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def start(self, at: float) -> None:
        """Start at a time by the monotonic clock."""
        self._tell(str(at))

    async def finished(self) -> dict[str, float]:
        """Wait for the end, and return when each job finished."""
        times: dict[str, float] = json.loads(await asyncio.to_thread(self._hear))
        return times

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


async def _run(stack: Stack, load: Load, changes: Changes) -> dict[str, Any]:
    ids = changes.ids
    clients = Clients(stack.url)
    heard = clients.heard
    began = time.monotonic()
    await clients.follow(ids["watched"], load.streams)
    clients.wait(ids["waited"], load.waits)
    await clients.settled(streams=load.streams, waits=load.waits)
    opened_s = time.monotonic() - began
    await asyncio.sleep(_SETTLE_S)
    clients.poll(ids["waited"][-_SPARE:], load.polls)
    processes = {
        "web": _child_of(stack.started[0].process.pid),
        "clients": os.getpid(),
        "changes": changes.pid,
        "redis": stack.redis_server.pid,
    }
    before, events = {name: _cpu_s(pid) for name, pid in processes.items()}, heard.events
    began = time.monotonic()
    changes.start(began)
    shares = [
        await _without_core(processes["web"], until=began + load.seconds * third / 3)
        for third in (1, 2, 3)
    ]
    finished = await changes.finished()
    took = time.monotonic() - began
    after = {name: _cpu_s(pid) for name, pid in processes.items()}
    await asyncio.sleep(_SETTLE_S)
    late = [heard.answers[each] - at for each, at in finished.items() if each in heard.answers]
    figures = {
        "waits": heard.waiting,
        "streams": heard.open_streams,
        "opened_s": round(opened_s, 2),
        "polls": spread([seconds for _, seconds in heard.polls]),
        "polls_by_third": [
            spread([seconds for due, seconds in heard.polls if third == (due - began) * 3 // took])
            | {"no_core_free": share}
            for third, share in enumerate(shares)
        ],
        "answers_after_a_finish": spread(late),
        "unanswered": len(finished) - len(late),
        "events_a_second": round((heard.events - events) / took, 1),
        "wrong": heard.wrong[:5],
        "cores": {name: round((after[name] - before[name]) / took, 3) for name in processes},
        "web_memory_mb": _memory_mb(processes["web"]),
        "machine_load": os.getloadavg()[0],
    }
    await clients.close()
    return figures


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return count and quantiles, in milliseconds."""
    ordered = sorted(seconds) or [0.0]
    at = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {"count": len(seconds)} | {
        name: round(ordered[round(last * share)] * 1000, 1) for name, share in at.items()
    }


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return int(children[0])


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def _without_core(pid: int, *, until: float) -> float:
    """Return the share of time in which a runnable process waited for the processor: the noise."""

    def waited_s() -> float:
        return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9

    began, before = time.monotonic(), waited_s()
    await asyncio.sleep(until - began)
    return round((waited_s() - before) / (time.monotonic() - began), 3)


def _memory_mb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> None:
    """Start servers and a web process, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, field in Load.__dataclass_fields__.items():
        parser.add_argument(f"--{name}", type=type(field.default), default=field.default)
    load = Load(**vars(parser.parse_args()))
    with serving() as stack:
        print(json.dumps(measure(stack, load), indent=2))


if __name__ == "__main__":
    main()
