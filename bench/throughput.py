"""Measure submissions, polls and jobs: `python -m bench.throughput [--against FOLDER]`.

One web process and one worker, with their own redis-server and RabbitMQ node. Clients keep
32 connections busy with submissions of an operation that does nothing, then poll the queued jobs;
then a worker starts and runs them. `--against` measures the code of another folder, with its
virtual environment in `.venv`, alternating with this one, so that other load of the machine
affects both alike. Figures are medians over the rounds; the processor time is that of the serving
process and of the one that runs jobs.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil

from bench.serving import serving
from tests.eventually import eventually
from tests.system.stack import ROOT, Stack, Started

CONNECTIONS: Final = 32
_OPERATION: Final = """\
try:
    from callboard import operation
except ImportError:  # of a version that had another name
    from jobs import operation

@operation(max_active=1_000_000)
def nothing(number: int) -> int:
    return number
"""
_END_OF_HEAD: Final = b"\r\n\r\n"


@dataclass(frozen=True)
class Figures:
    """The result of one round; CPU times are milliseconds per request or job."""

    submissions_per_s: float
    submission_cpu_ms: float
    polls_per_s: float
    poll_cpu_ms: float
    jobs_per_s: float
    job_cpu_ms: float


def main() -> None:
    """Measure, and print the figures as JSON; with another tree also the ratios to it."""
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=__doc__)
    parser.add_argument("--against", type=Path, help="a folder with another version")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2000, help="jobs in each round")
    asked = parser.parse_args()
    trees = [ROOT, *([asked.against.resolve()] if asked.against else [])]
    found: dict[Path, list[Figures]] = {tree: [] for tree in trees}
    for _ in range(asked.rounds):
        for tree in trees:
            found[tree].append(measure(tree, asked.jobs))
    here, *others = (_medians(found[tree]) for tree in trees)
    answer = {"here": here, **({"there": others[0]} if others else {})}
    if others:
        pairs = zip(found[trees[0]], found[trees[1]], strict=True)
        answer["here_to_there"] = _medians_of_ratios(list(pairs))
    print(json.dumps(answer, indent=2))


def measure(tree: Path, jobs: int) -> Figures:
    """Submit, poll and run a number of jobs with the code of a tree."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _installed(tree, Path(folder)) as (stack, start_worker),
    ):
        server = _serving_process(stack.started[0])
        asyncio.run(_ask(stack.port, _submissions(200)))  # imports and connections happen once
        submitted = _timed(server, stack.port, _submissions(jobs))
        ids = _queued(stack)
        polled = _timed(server, stack.port, [_poll(ids[n % len(ids)]) for n in range(jobs)])
        return Figures(*submitted, *polled, *_run_all(stack, start_worker))


@contextmanager
def _installed(tree: Path, folder: Path) -> Iterator[tuple[Stack, Callable[[], Started]]]:
    (folder / "nothing_operations.py").write_text(_OPERATION)
    programs = tree / ".venv" / "bin"
    path = os.pathsep.join([str(programs), *os.defpath.split(os.pathsep)])
    settings = {
        "CALLBOARD_OPERATIONS": "nothing_operations",
        "CALLBOARD_API_KEYS": "",
        "CALLBOARD_LOG_LEVEL": "warning",
        "CALLBOARD_MAX_ACTIVE": "1000000",
        "PYTHONPATH": os.pathsep.join([str(tree), str(folder)]),
        "PATH": path,
    }
    with serving(tree, **settings) as stack:
        # Set for each process by name: its own tree precedes what is set for all.
        yield stack, partial(stack.worker, CALLBOARD_THREADS="8", **settings)


def _serving_process(web: Started) -> psutil.Process:
    return max(
        psutil.Process(web.process.pid).children(recursive=True)
        or [psutil.Process(web.process.pid)],
        key=lambda each: each.create_time(),
    )


def _timed(server: psutil.Process, port: int, requests: Sequence[bytes]) -> tuple[float, float]:
    """Return requests per second, and the processor milliseconds of each."""
    began, used = time.monotonic(), _cpu_s(server)
    asyncio.run(_ask(port, requests))
    took, used = time.monotonic() - began, _cpu_s(server) - used
    return len(requests) / took, used / len(requests) * 1000


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def _ask(port: int, requests: Sequence[bytes]) -> None:
    waiting = iter(requests)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(_END_OF_HEAD)
            if head[9:12] not in (b"200", b"202"):
                raise RuntimeError(f"answered {head[:40]!r}")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


def _submissions(count: int) -> list[bytes]:
    bodies = (
        json.dumps({"operation": "nothing", "params": {"number": number}}).encode()
        for number in range(count)
    )
    return [
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        for body in bodies
    ]


def _poll(job_id: str) -> bytes:
    return f"GET /v1/jobs/{job_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def _queued(stack: Stack) -> list[str]:
    ids: Any = stack.store.redis.zrange(stack.store.keys("active"), 0, -1)
    return [each.decode() for each in ids]


def _run_all(stack: Stack, start_worker: Callable[[], Started]) -> tuple[float, float]:
    worker = start_worker()
    stack.await_workers(1)
    active = stack.store.keys("active")
    left = stack.store.redis.zcard(active)
    processes = _tree_of(worker)
    began, used = time.monotonic(), sum(map(_cpu_s, processes))
    eventually(
        lambda: stack.store.redis.zcard(active) == 0,
        what=f"{left} jobs have ended",
        timeout=120,
        interval=0.05,
    )
    took, used = time.monotonic() - began, sum(map(_cpu_s, processes)) - used
    return left / took, used / left * 1000


def _tree_of(started: Started) -> list[psutil.Process]:
    main = psutil.Process(started.process.pid)
    return [main, *main.children(recursive=True)]


def _medians(found: Sequence[Figures]) -> dict[str, float]:
    return {
        each.name: round(statistics.median(getattr(one, each.name) for one in found), 3)
        for each in fields(Figures)
    }


def _medians_of_ratios(pairs: Sequence[tuple[Figures, Figures]]) -> dict[str, float]:
    ratios = [
        Figures(**{name: value / asdict(there)[name] for name, value in asdict(here).items()})
        for here, there in pairs
    ]
    return _medians(ratios)


if __name__ == "__main__":
    main()
