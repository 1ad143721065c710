"""Workers that are suspended, and workers that are told to stop more than once."""

import os
import signal
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.system.notes import begun, read_notes
from tests.system.stack import Stack


@pytest.mark.timeout(60)
def test_an_orphaned_worker_stops_itself_only_once(stack: Stack, tmp_path: Path) -> None:
    # Longer than the time between two checks of the master.
    stack.start(workers=1, CALLBOARD_SHUTDOWN_GRACE="6s")
    path = tmp_path / "notes"

    with stack.client() as client:
        job_id = client.submit("wait", {"seconds": 60, "path": str(path)})["id"]
    eventually(lambda: begun(read_notes(path)), what="the job runs")
    stack.started[1].process.kill()

    eventually(lambda: field(stack, job_id, "status") == "queued", what="released", timeout=20)
    assert (field(stack, job_id, "attempt"), field(stack, job_id, "crashes")) == ("1", "0")


def test_a_worker_suspended_for_a_lease_stops_its_run_and_records_nothing(
    stack: Stack, tmp_path: Path
) -> None:
    stack.start(workers=2)
    path = tmp_path / "notes"

    with stack.client() as client:
        job = client.submit("wait", {"seconds": 3, "path": str(path)})
        first = eventually(lambda: begun(read_notes(path)), what="the job runs")[0]
        os.kill(int(first.label), signal.SIGSTOP)
        eventually(lambda: len(begun(read_notes(path))) == 2, what="it runs again")
        os.kill(int(first.label), signal.SIGCONT)
        ended = client.wait(job["id"], timeout=20)

    ends = [note.attempt for note in read_notes(path) if note.kind == "end"]
    assert (ended["status"], ended["result"]) == ("succeeded", 2)
    assert ends == [2]


def field(stack: Stack, job_id: str, name: str) -> str:
    """Read one field of a job's record."""
    (value,) = stack.store.pipeline(("HGET", stack.store.keys("job", job_id), name))
    return value.decode() if value else ""
