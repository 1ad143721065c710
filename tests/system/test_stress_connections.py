"""Connections that are cut during commands and replies."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests import invariants
from tests.eventually import eventually
from tests.invariants import look
from tests.system.notes import begun, read_notes
from tests.system.stack import Stack

JOBS = 120


@contextmanager
def cutting(stack: Stack) -> Iterator[None]:
    """Cut all connections to Redis many times a second."""
    stopped = threading.Event()

    def cut() -> None:
        while not stopped.wait(0.05):
            for kind in ("normal", "pubsub"):
                stack.store.redis.client_kill_filter(_type=kind, skipme=True)

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def test_cut_connections_neither_lose_nor_duplicate_jobs(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=2)
    path = tmp_path / "notes"
    chance = random.Random(7)
    pids = stack.pids_of_workers()
    before = [open_files(pid) for pid in pids]
    bodies = [
        {"operation": chance.choice(["wait", "narrow", "slim", "wide"]), "params": params}
        for params in ({"seconds": chance.choice([0, 0.1]), "path": str(path)} for _ in range(JOBS))
    ]

    with cutting(stack), ThreadPoolExecutor(4) as threads:
        job_ids = list(threads.map(lambda body: submit_surely(stack, body), bodies))
    eventually(lambda: active(stack) == 0, what="all jobs have ended", timeout=20)

    runs = Counter((note.job_id, note.attempt) for note in begun(read_notes(path)))
    assert len(set(job_ids)) == JOBS
    assert {job_id for job_id, _ in runs} == set(job_ids)
    assert max(runs.values()) == 1
    assert not list(invariants.complaints(look(stack.store)))
    assert max(open_files(pid) - was for pid, was in zip(pids, before, strict=True)) < 20


def submit_surely(stack: Stack, body: dict[str, object]) -> str:
    """Submit with an Idempotency-Key until the answer is that it was accepted."""
    key = {"Idempotency-Key": f"{random.getrandbits(64):x}"}

    def accepted() -> str:
        answer = httpx.post(f"{stack.url}/v1/jobs", json=body, headers=key, timeout=10)
        return str(answer.json()["id"]) if answer.is_success else ""

    return eventually(accepted, what="it is accepted", timeout=10)


def active(stack: Stack) -> int:
    """Count the active jobs."""
    return int(stack.store.redis.zcard(stack.store.keys("active")))


def open_files(pid: int) -> int:
    """Count the open files of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
