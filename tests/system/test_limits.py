"""Limits apply across all processes, and no place stays idle while a job waits for it."""

import itertools
import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from callboard.client import Client
from tests.eventually import eventually
from tests.system.notes import begun, max_concurrent, read_notes
from tests.system.stack import Stack

NARROW = "operation:narrow"
FRAGILE = "operation:fragile"
GPU = "resource:gpu"


class IdleWatch:
    """Measures the longest time that a place was free while a job could have run in it."""

    def __init__(self, stack: Stack, slot: str, limit: int) -> None:
        self._redis = stack.store.redis
        self._keys = stack.store.keys
        self._slot = slot
        self._limit = limit
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.longest = 0.0
        self.most = 0

    def _run(self) -> None:
        since: float | None = None
        while not self._stopped.wait(0.02):
            pipe = self._redis.pipeline()
            pipe.zcount(self._keys("slot", self._slot), -1, -1)
            pipe.zcount(self._keys("slot", self._slot), 0, "+inf")
            pipe.zcard(self._keys("waiting", self._slot))
            occupied, reserved, waiting = pipe.execute()
            self.most = max(self.most, occupied)
            idle = occupied < self._limit and reserved + waiting > 0
            now = time.monotonic()
            since = (since or now) if idle else None
            self.longest = max(self.longest, now - since if since else 0.0)

    @contextmanager
    def watching(self) -> Iterator["IdleWatch"]:
        """Measure during the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            self._thread.join()


def submit_many(client: Client, operation: str, count: int, **params: Any) -> list[str]:
    """Submit a number of jobs, and return their ids."""
    return [client.submit(operation, params)["id"] for _ in range(count)]


def wait_for_all(client: Client, job_ids: list[str], timeout: float = 60) -> list[str]:
    """Wait until all are final, and return their statuses."""
    return [client.wait(job_id, timeout=timeout)["status"] for job_id in job_ids]


@pytest.mark.alone
def test_fifty_jobs_on_four_workers_never_run_three_at_once_and_unblock_fast(
    stack: Stack, tmp_path: Path
) -> None:
    stack.start(workers=4)
    path = tmp_path / "notes"

    with stack.client() as client, IdleWatch(stack, NARROW, 2).watching() as watch:
        jobs = submit_many(client, "narrow", 50, seconds=0.1, path=str(path))
        ended = wait_for_all(client, jobs)

    notes = read_notes(path)
    assert ended == ["succeeded"] * 50
    assert len(begun(notes)) == 50
    assert max_concurrent(notes) == 2
    assert watch.most == 2
    assert watch.longest < 2.0
    assert statistics.median(unblock_times(notes)) < 0.05


def unblock_times(notes: list[Any]) -> list[float]:
    """Measure from each end to the next start, once both places were occupied."""
    ends = [note.at for note in notes if note.kind == "end"]
    starts = [note.at for note in notes if note.kind == "begin"][2:]
    return [start - end for end, start in zip(ends, starts, strict=False)]


def test_the_best_ranked_of_the_blocked_jobs_starts_first(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=4)
    path = tmp_path / "notes"

    with stack.client() as client:
        holders = submit_many(client, "narrow", 2, seconds=2.0)
        eventually(lambda: occupants(stack, NARROW) == 2, what="both places are taken")
        jobs = [
            client.submit(
                "narrow",
                {"seconds": 0.3, "path": str(path), "label": f"{priority}"},
                priority=priority,
            )["id"]
            for priority in (1, 5, 9, 3, 7, 0, 10)
        ]
        eventually(lambda: blocked(stack, NARROW) == 7, what="all others are blocked")
        wait_for_all(client, holders + jobs)

    order = [int(note.label) for note in begun(read_notes(path))]
    # Two places are freed together, so neighbours may swap.
    assert [sorted(order[i : i + 2], reverse=True) for i in (0, 2, 4)] == [[10, 9], [7, 5], [3, 1]]


def test_cancelled_reserved_or_blocked_jobs_pass_their_places_on(
    stack: Stack, tmp_path: Path
) -> None:
    stack.start(workers=4)
    path = tmp_path / "notes"

    with stack.client() as client, IdleWatch(stack, NARROW, 2).watching() as watch:
        jobs = submit_many(client, "narrow", 40, seconds=0.1, path=str(path))
        for job_id in jobs[::3]:
            client.cancel(job_id)
        ended = wait_for_all(client, jobs)

    assert set(ended) == {"succeeded", "cancelled"}
    assert max_concurrent(read_notes(path)) <= 2
    assert watch.longest < 2.0


def test_jobs_that_fail_and_retry_pass_their_places_on(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=4)
    path = tmp_path / "notes"

    with stack.client() as client, IdleWatch(stack, FRAGILE, 2).watching() as watch:
        jobs = submit_many(client, "fragile", 20, failures=2, path=str(path))
        ended = wait_for_all(client, jobs)

    assert ended == ["succeeded"] * 20
    assert len(begun(read_notes(path))) == 60
    assert max_concurrent(read_notes(path)) <= 2
    assert watch.longest < 2.0


def test_jobs_of_a_stopping_worker_pass_their_places_on(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=3, CALLBOARD_SHUTDOWN_GRACE="0s")
    path = tmp_path / "notes"

    with stack.client() as client, IdleWatch(stack, NARROW, 2).watching() as watch:
        jobs = submit_many(client, "narrow", 12, seconds=1.0, path=str(path))
        eventually(lambda: len(begun(read_notes(path))) >= 3, what="some have run")
        stack.started[1].signal(signal.SIGTERM)
        stack.started[2].signal(signal.SIGTERM)
        ended = wait_for_all(client, jobs)

        assert ended == ["succeeded"] * 12
        assert all(client.job(job_id)["attempt"] <= 3 for job_id in jobs)
    assert watch.most <= 2
    assert watch.longest < 2.0
    assert crashes(stack, jobs) == 0


def test_jobs_of_a_killed_worker_pass_their_places_on(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=3)
    path = tmp_path / "notes"

    with stack.client() as client, IdleWatch(stack, NARROW, 2).watching() as watch:
        jobs = submit_many(client, "narrow", 12, seconds=1.0, path=str(path))
        eventually(lambda: occupants(stack, NARROW) == 2, what="two jobs run")
        os.kill(stack.pids_of_workers()[0], signal.SIGKILL)
        ended = wait_for_all(client, jobs)

    assert ended == ["succeeded"] * 12
    assert watch.most <= 2
    assert watch.longest < 2.0


@pytest.mark.parametrize("first", ["wide", "slim"])
def test_jobs_with_two_places_neither_deadlock_nor_leave_places_idle(
    stack: Stack, tmp_path: Path, first: str
) -> None:
    stack.start(workers=4)
    path = tmp_path / "notes"
    second = {"wide": "slim", "slim": "wide"}[first]

    with stack.client() as client:
        jobs = []
        for _ in range(12):
            for operation in (first, second):
                params = {"seconds": 0.1, "path": str(path)}
                jobs.append(client.submit(operation, params)["id"])
        ended = wait_for_all(client, jobs)

    notes = read_notes(path)
    used = most = 0
    for note in notes:
        places = 2 if note.label == "wide" else 1
        used += places if note.kind == "begin" else -places
        most = max(most, used)
    starts = [note.at for note in notes]
    assert ended == ["succeeded"] * 24
    assert most == 2
    assert max(b - a for a, b in itertools.pairwise(starts)) < 2.0


def test_a_job_that_lacks_one_of_two_slots_holds_neither(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=4)
    path = tmp_path / "notes"
    params = {"seconds": 0.2, "path": str(path)}

    with stack.client() as client, IdleWatch(stack, GPU, 2).watching() as watch:
        jobs = []
        for _ in range(10):
            jobs += [client.submit(name, params)["id"] for name in ("choosy", "choosy", "slim")]
        ended = wait_for_all(client, jobs)

    notes = read_notes(path)
    assert ended == ["succeeded"] * 30
    assert max_concurrent([note for note in notes if note.label == "choosy"]) == 1
    assert max_concurrent(notes) == watch.most == 2
    assert watch.longest < 2.0


def test_raising_a_limit_starts_waiting_jobs_at_once(stack: Stack) -> None:
    stack.start(workers=2)

    with stack.client() as client:
        jobs = submit_many(client, "narrow", 6, seconds=60)
        eventually(lambda: blocked(stack, NARROW) == 4, what="four jobs are blocked")
        assert command(stack, "limit", NARROW, "6") == 0
        eventually(lambda: occupants(stack, NARROW) == 6, what="all six run", timeout=1)
        assert command(stack, "pause", "narrow") == 0
        for job_id in jobs:
            client.cancel(job_id)
        late = client.submit("narrow", {"seconds": 0})
        eventually(lambda: blocked(stack, NARROW) == 1, what="the late job is blocked")
        assert command(stack, "resume", "narrow") == 0

        assert client.wait(late["id"], timeout=10)["status"] == "succeeded"


def test_a_limit_for_an_unknown_slot_is_refused(stack: Stack) -> None:
    words = (["pause", "narow"], ["unlimit", "operation:narow"], ["limit", "resource:cpu", "1"])

    assert [command(stack, *each) for each in words] == [2, 2, 2]
    assert all("unknown slot" in each.log.read_text() for each in stack.started)
    assert not stack.store.redis.exists(stack.store.keys("limits"))


def test_a_live_worker_is_shown_with_its_host(stack: Stack) -> None:
    before = command(stack, "alive")
    stack.worker()
    stack.await_workers(1)

    assert (before, command(stack, "alive")) == (1, 0)


def command(stack: Stack, *words: str) -> int:
    """Run `callboardctl` and return its exit code."""
    return stack.spawn(["callboardctl", *words], words[0]).process.wait(30)


def occupants(stack: Stack, slot: str) -> int:
    """Count the jobs that run in a slot."""
    return stack.store.redis.zcount(stack.store.keys("slot", slot), -1, -1)


def blocked(stack: Stack, slot: str) -> int:
    """Count the jobs that wait for a slot."""
    return stack.store.redis.zcard(stack.store.keys("waiting", slot))


def crashes(stack: Stack, job_ids: list[str]) -> int:
    """Add up the crashes of the jobs."""
    counts = [stack.store.redis.hget(stack.store.keys("job", j), "crashes") for j in job_ids]
    return sum(int(count) for count in counts)
