"""The children of a worker: how they are pooled, replaced, and ended with the worker."""

import threading
import time
from datetime import timedelta

import psutil
import pytest

from callboard.actors.execution.execute import Executor
from callboard.actors.execution.outcome_recorder import OutcomeRecorder
from callboard.actors.isolation.child_pool import ChildPool
from callboard.actors.runs import Run
from callboard.jobs.encoding import decode
from callboard.jobs.errors import Interruption
from callboard.jobs.fence import Fence
from callboard.jobs.progress import LogBounds
from callboard.jobs.submission import Submission
from tests.eventually import eventually
from tests.integration.test_embedded_worker import kind_of
from tests.integration.test_isolation import OPERATIONS, Apart, fork_servers, running


def run_of(apart: Apart, operation: str) -> Run:
    """Create a run of an unclaimed job."""
    submission = Submission(job_id="any", operation=operation, params={})
    return Run(submission, apart.container.registry.get(operation), Fence("any", 1, "token"), 0)


def executor_of(apart: Apart, children: ChildPool) -> Executor:
    recorder = OutcomeRecorder(
        apart.store,
        worker="worker",
        lease=timedelta(seconds=3),
        bounds=LogBounds(),
        ending=threading.Event(),
    )
    container = apart.container
    return Executor(container.settings, apart.store, container.storage, recorder, children=children)


def test_a_child_is_replaced_after_its_maximum_of_jobs() -> None:
    children = ChildPool([OPERATIONS], log_format="text", log_level="info", max_jobs=2)
    pids = []

    for _ in range(3):
        child = children.acquire(lambda: None)
        pids.append(child.pid)
        children.release(child, unharmed=True)

    assert pids[0] == pids[1] != pids[2]
    eventually(lambda: not psutil.pid_exists(pids[0]), what="the first has ended")
    children.close()
    assert not psutil.pid_exists(pids[2])


def test_no_worker_waits_for_a_child_longer_than_for_the_job() -> None:
    others = fork_servers()
    children = ChildPool([OPERATIONS], log_format="text", log_level="info")
    children.start()
    (slow,) = fork_servers() - others
    slow.suspend()

    def proceed() -> None:
        raise Interruption

    with pytest.raises(Interruption):
        children.acquire(proceed)

    slow.resume()
    children.close()


def test_a_suspended_child_or_fork_server_is_replaced(namespace: str) -> None:
    apart = Apart(namespace, operations=OPERATIONS)
    others = fork_servers()
    children = ChildPool([OPERATIONS], log_format="text", log_level="info", answers_within=1)
    idle = children.acquire(lambda: None)
    (fork_server,) = fork_servers() - others
    children.release(idle, unharmed=True)
    psutil.Process(idle.pid).suspend()

    outcome = executor_of(apart, children).execute(run_of(apart, "return_pid"))

    second = children.acquire(lambda: None)
    assert decode(outcome.result)["pid"] == second.pid != idle.pid
    fork_server.suspend()

    third = children.acquire(lambda: None)

    assert third.pid not in (idle.pid, second.pid)
    assert not fork_server.is_running()
    for child in (second, third):
        children.release(child, unharmed=False)
    children.close()
    assert not psutil.pid_exists(idle.pid)
    apart.container.close()


def test_a_worker_survives_a_hundred_crashes_and_leaves_nothing_behind(namespace: str) -> None:
    others = fork_servers()
    apart = Apart(namespace, operations=OPERATIONS, shutdown_grace="0s")
    apart.start()
    apart.run("return_pid")
    (fork_server,) = fork_servers() - others
    this = psutil.Process()
    before = this.num_fds()
    ways = ("exit", "kill", "segfault", "nothing")

    job_ids = [apart.submit("crash", how=ways[number % 4]) for number in range(100)]

    assert {kind_of(apart.ended(job_id, 60)) for job_id in job_ids} == {"crashed"}
    assert apart.run("return_pid").status == "succeeded"
    eventually(lambda: len(fork_server.children()) <= 4, what="no more children than threads")
    assert this.num_fds() <= before + 2 * 4
    children = fork_server.children(recursive=True)
    apart.stop()
    assert not any(each.is_running() for each in (fork_server, *children))


def test_a_stopping_worker_releases_a_job_that_loops_in_c(namespace: str) -> None:
    apart = Apart(namespace, operations=OPERATIONS, shutdown_grace="0s")
    apart.start()
    job_id = running(apart, "loop_long")
    began = time.monotonic()

    apart.stop()

    assert time.monotonic() - began < 15  # instead of up to 30 s
    record = apart.read(job_id)
    assert (record.status, record.failures, record.crashes) == ("queued", 0, 0)
