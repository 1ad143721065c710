"""Run all example systems at once while workers are killed: `python -m bench.mixed`.

It starts its own redis-server, RabbitMQ node, web process and three workers, and prints figures as
JSON: the outcome of every accepted job, and the memory of web and one worker in each minute. One of
the other two workers is killed each minute, and replaced. The exit code is 1 if a job's outcome
is unknown.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from statistics import mean
from typing import Any, Final

import httpx
import psutil

from bench.example_clients import ROUNDS, TIMEOUT_S, Caller, call
from bench.serving import serving
from examples.literature.pubmed import sample
from examples.literature.pubmed.stand_in import StandIn
from examples.literature.pubmed.stand_in import serving as serving_papers
from tests.system.stack import ROOT, Stack, Started

SYSTEMS: Final = ("curation", "documents", "literature", "reconstruction")
MIB: Final = 1024 * 1024
_SAMPLE_S: Final = 5.0
_SETTLE_S: Final = 180.0
_FINAL: Final = frozenset({"succeeded", "failed", "cancelled"})


def memory_of(started: Started) -> float:
    """Return the memory of a process group in MiB; shared pages are divided among processes."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(started.process.pid)
        for each in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += each.memory_full_info().pss
    return total / MIB


class Watch:
    """Samples the memory of process groups, and averages it by minute."""

    def __init__(self, groups: dict[str, Started], began: float) -> None:
        self._groups = groups
        self._began = began
        self._samples: dict[str, dict[int, list[float]]] = {
            name: defaultdict(list) for name in groups
        }

    def look(self) -> None:
        """Take a sample of each."""
        minute = int((time.monotonic() - self._began) // 60)
        for name, group in self._groups.items():
            self._samples[name][minute].append(memory_of(group))

    def by_minute(self) -> dict[str, list[int]]:
        """Return the mean of each minute in MiB."""
        return {
            name: [round(mean(taken)) for _, taken in sorted(minutes.items())]
            for name, minutes in self._samples.items()
        }


def replace_one(stack: Stack, victims: list[Started]) -> None:
    """Kill the oldest of some workers with its descendants, and start another."""
    victims.pop(0).kill()
    victims.append(stack.worker())


def account(http: httpx.Client, accepted: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read jobs until all are final, for a bounded time; unknown ones are left out."""
    open_ids, jobs, until = list(accepted), {}, time.monotonic() + _SETTLE_S
    while open_ids and time.monotonic() < until:
        for job_id in open_ids:
            response = http.get(f"/v1/jobs/{job_id}")
            if response.status_code == httpx.codes.OK:
                jobs[job_id] = response.json()
        left = [each for each in open_ids if jobs.get(each, {}).get("status") not in _FINAL]
        open_ids = [each for each in left if each in jobs]
        if open_ids:
            threading.Event().wait(1.0)
    return jobs


def summary(callers: Sequence[Caller], jobs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Compare the accepted jobs with their outcomes."""
    accepted = {job_id: name for caller in callers for job_id, name in caller.accepted.items()}
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    for job_id, operation in accepted.items():
        ends[operation][jobs.get(job_id, {"status": "unknown"})["status"]] += 1
    answers: Counter[int] = Counter()
    for caller in callers:
        answers.update(caller.answers)
    failures = Counter(
        f"{job['operation']}: {job['error']['detail']}"
        for job in jobs.values()
        if job["status"] == "failed"
    )
    open_jobs = [each for each in accepted if jobs.get(each, {}).get("status") not in _FINAL]
    return {
        "accepted": len(accepted),
        "unaccounted": open_jobs,
        "ends": {name: dict(counts) for name, counts in sorted(ends.items())},
        "run_more_than_once": sum(job["attempt"] > 1 for job in jobs.values()),
        "failures": dict(failures.most_common(10)),
        "responses": {str(code): count for code, count in sorted(answers.items())},
        "unexpected": [each for caller in callers for each in caller.wrong][:10],
    }


def run(stack: Stack, eutils: str, minutes: float, seed: int) -> dict[str, Any]:
    """Let the clients run for some minutes, and return the figures."""
    survivor = stack.worker()
    victims = [stack.worker(), stack.worker()]
    stack.await_workers(3)
    began = time.monotonic()
    watch = Watch({"web": stack.started[0], "worker": survivor}, began)
    callers = [
        Caller(
            httpx.Client(base_url=stack.url, timeout=TIMEOUT_S),
            began + 60 * minutes,
            random.Random(f"{seed} {name}"),
            eutils,
        )
        for name in ROUNDS
    ]
    threads = [
        threading.Thread(target=call, args=pair)
        for pair in zip(callers, ROUNDS.values(), strict=True)
    ]
    for thread in threads:
        thread.start()
    kills = 0
    while any(thread.is_alive() for thread in threads):
        watch.look()
        if time.monotonic() >= began + 60 * (kills + 1) and not callers[0].over():
            replace_one(stack, victims)
            kills += 1
        threading.Event().wait(_SAMPLE_S)
    with httpx.Client(base_url=stack.url, timeout=TIMEOUT_S) as http:
        jobs = account(http, [job_id for caller in callers for job_id in caller.accepted])
    for caller in callers:
        caller.http.close()
    return {
        "minutes": minutes,
        "killed": kills,
        **summary(callers, jobs),
        "memory_mib_by_minute": watch.by_minute(),
    }


def main() -> int:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    settings = {
        "CALLBOARD_OPERATIONS": ",".join(f"examples.{each}" for each in SYSTEMS),
        "CALLBOARD_ROUTES": ",".join(f"examples.{each}.routes" for each in SYSTEMS),
        "CALLBOARD_RESOURCES": "eutils=1,recognizer=1",
    }
    papers = StandIn(list(sample.articles(90)))
    with serving_papers(papers) as eutils, serving(ROOT, **settings) as stack:
        stack.settings |= {
            **settings,
            "CALLBOARD_THREADS": "2",
            "CURATION_FOLDER": str(stack.folder / "curation"),
            "LITERATURE_FOLDER": str(stack.folder / "literature"),
        }
        figures = run(stack, eutils, given.minutes, given.seed)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 1 if figures["unaccounted"] else 0


if __name__ == "__main__":
    sys.exit(main())
