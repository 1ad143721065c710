"""The previous version beside this one, as during a rolling restart."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from callboard.client import Client
from tests.eventually import eventually
from tests.invariants import complaints, look
from tests.system.notes import begun, read_notes
from tests.system.stack import BOOT_SECONDS, ROOT, Stack, Started, free_port


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """The tree of the previous commit, in its own folder."""
    if not (ROOT / ".git").exists():
        pytest.skip("there is no git history here to take the previous version from")
    before = "HEAD" if git("status", "--porcelain").stdout else "HEAD~1"
    archive, tree = tmp_path / "previous.tar", tmp_path / "previous"
    if git("archive", "--output", str(archive), before).returncode != 0:
        pytest.skip(f"the git history here does not reach back to {before}")
    tree.mkdir()
    # Not by `tarfile`: what makes it safe came to Python 3.11 in its fourth release.
    subprocess.run(["tar", "-xf", str(archive), "-C", str(tree)], check=True)
    return tree


@pytest.mark.timeout(240)
def test_old_and_new_processes_work_side_by_side(
    stack: Stack, previous: Path, tmp_path: Path
) -> None:
    with stack.using(previous):
        stack.web()
    new_worker = stack.worker()
    eventually(stack.ready, what="the old web is ready", timeout=BOOT_SECONDS)
    stack.await_workers(1)

    with stack.client() as client:
        jobs = all_kinds(client, tmp_path)
        with replaced(stack, new_worker, client, tmp_path) as long, stack.using(previous):
            old_worker = stack.worker()
    jobs |= {long: ("cancelled", 2)}
    port = free_port()
    stack.web(CALLBOARD_PORT=str(port))
    url = f"http://127.0.0.1:{port}"
    eventually(
        lambda: httpx.get(f"{url}/readyz").is_success,
        what="the new web is ready",
        timeout=BOOT_SECONDS,
        ignoring=httpx.TransportError,
    )
    with Client(url) as client:
        jobs |= all_kinds(client, tmp_path)
        with replaced(stack, old_worker, client, tmp_path) as long:
            stack.worker()
        jobs |= {long: ("cancelled", 2)}
        jobs |= all_kinds(client, tmp_path)
        ended = {job_id: client.wait(job_id, timeout=40) for job_id in jobs}

    assert {each: (job["status"], job["attempt"]) for each, job in ended.items()} == jobs
    assert {field(stack, job_id, "crashes") for job_id in jobs} == {"0"}
    assert list(complaints(look(stack.store))) == []


def all_kinds(client: Client, folder: Path) -> dict[str, tuple[str, int]]:
    """Submit jobs that are retried, blocked, delayed, cancelled; return their expected ends."""
    path = str(folder / "notes")
    plain = client.submit("echo", {"text": "x" * 5000})["id"]
    retried = client.submit("fragile", {"failures": 1})["id"]
    blocked = [client.submit("narrow", {"seconds": 0.3})["id"] for _ in range(5)]
    delayed = client.submit("echo", {}, delay_seconds=1)["id"]
    cancelled = client.submit("wait", {"seconds": 60, "path": path})["id"]
    waiting = client.submit("echo", {}, delay_seconds=60)["id"]
    eventually(
        lambda: (cancelled, 1) in attempts(folder / "notes"),
        what="the job that is to be cancelled runs",
        timeout=20,
    )
    for each in (cancelled, waiting):
        client.cancel(each)
    return {
        plain: ("succeeded", 1),
        retried: ("succeeded", 2),
        **dict.fromkeys(blocked, ("succeeded", 1)),
        delayed: ("succeeded", 1),
        cancelled: ("cancelled", 1),
        waiting: ("cancelled", 0),
    }


@contextmanager
def replaced(stack: Stack, worker: Started, client: Client, folder: Path) -> Iterator[str]:
    """Stop a worker within a job once another one has started, which continues it."""
    before = set(stack.pids_of_workers())
    path = folder / "long"
    job_id: str = client.submit("wait", {"seconds": 300, "path": str(path)})["id"]
    eventually(lambda: (job_id, 1) in attempts(path), what="the long job runs", timeout=20)
    yield job_id
    eventually(
        lambda: set(stack.pids_of_workers()) - before,
        what="the other worker sends a heartbeat",
        timeout=BOOT_SECONDS,
    )
    worker.signal(signal.SIGTERM)
    assert worker.process.wait(20) == 0
    eventually(lambda: (job_id, 2) in attempts(path), what="it goes on", timeout=20)
    client.cancel(job_id)


def attempts(path: Path) -> set[tuple[str, int]]:
    """Return the started attempts, from the notes of their functions."""
    return {(note.job_id, note.attempt) for note in begun(read_notes(path))}


def field(stack: Stack, job_id: str, name: str) -> str:
    """Read one field of a job's record."""
    (value,) = stack.store.pipeline(("HGET", stack.store.keys("job", job_id), name))
    return value.decode() if value else ""


def git(*words: str) -> "subprocess.CompletedProcess[bytes]":
    """Ask git about this tree."""
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=False)
