"""Child processes of functions, in a whole installation."""

import os
import signal
from pathlib import Path

import psutil

from tests.eventually import eventually
from tests.processes import is_running
from tests.system.stack import Stack


def test_a_killed_worker_leaves_none_of_its_functions_running(stack: Stack, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    stack.start(workers=1, CALLBOARD_OPERATIONS="tests.apart_operations")
    with stack.client() as client:
        job = client.submit("loop_long", {"pids": str(note)})
        pids = eventually(
            lambda: note.exists() and [int(pid) for pid in note.read_text().split()],
            what="the function runs, and what it has started",
        )
        (worker,) = stack.pids_of_workers()
        tree = psutil.Process(worker).children(recursive=True)
        assert {each.pid for each in tree}.issuperset(pids)

        os.kill(worker, signal.SIGKILL)

        eventually(
            lambda: not any(is_running(each.pid) for each in tree),
            what="the fork server, the function's process and what that has started have ended",
        )
        assert client.cancel(job["id"])["status"] == "cancelling"


def test_a_forced_cancel_over_http_ends_a_function(stack: Stack, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    stack.start(workers=1, CALLBOARD_OPERATIONS="tests.apart_operations")
    with stack.client() as client:
        job = client.submit("loop_long", {"pids": str(note)})
        eventually(note.exists, what="the function runs")

        client.cancel(job["id"], force=True)
        ended = client.wait(job["id"], timeout=10)

        assert ended["status"] == "cancelled"
