"""Functions that do not stop, threads that die, and when a worker drains."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from callboard import Job, operation
from callboard.actors.container import build_container
from callboard.actors.execution.execute import Executor
from callboard.actors.execution.outcome_recorder import OutcomeRecorder
from callboard.actors.isolation.child_pool import ChildPool
from callboard.actors.runs import Run, Runs
from callboard.actors.watchdog.thread_watch import ThreadHealth, Watchdog
from callboard.config import load_settings
from callboard.jobs.errors import Cancelled, Interrupted, Interruption, LeaseLost
from callboard.jobs.fence import Fence
from callboard.jobs.progress import LogBounds
from callboard.jobs.submission import Submission
from tests.logs import capture_logs

PATIENCE = timedelta(minutes=5)


class Crew:
    """Threads that run functions for a while, and the watchdog that checks them."""

    def __init__(self, namespace: str) -> None:
        settings = load_settings(namespace=namespace)
        container = build_container(settings)
        recorder = OutcomeRecorder(
            container.store,
            worker="worker",
            lease=settings.lease,
            bounds=LogBounds(),
            ending=threading.Event(),
        )
        self.executor = Executor(
            settings,
            container.store,
            container.storage,
            recorder,
            children=ChildPool.of(container.registry, settings),
        )
        self.runs = Runs()
        self.drained: list[bool] = []
        self.later_s = 0.0
        self.over = threading.Event()
        self.started: list[threading.Thread] = []
        self.watchdog = Watchdog(
            self.runs,
            stuck_after=PATIENCE,
            drain=lambda: self.drained.append(True),
            clock=lambda: time.monotonic() + self.later_s,
        )

    def employ(self, job_id: str, *, ends: bool = True) -> Run:
        """Let a new thread run a function that cannot be stopped; the thread can die."""
        begun = threading.Event()

        @operation
        def resist(*, job: Job) -> None:
            while not self.over.is_set():
                try:
                    begun.set()
                    while not self.over.wait(0.01):
                        job.cancelled  # noqa: B018 — it could know
                except Interruption:
                    continue

        run = Run(
            Submission(job_id=job_id, operation="resist", params={}), resist, _fence(job_id), 0
        )

        def work() -> None:
            self.runs.begin(run)
            if ends:
                with suppress(Interrupted):
                    self.executor.execute(run)
                self.runs.end()
            begun.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert begun.wait(5)
        if not ends:
            thread.join()
        self.started.append(thread)
        self.watchdog.watch(self.started)
        return run

    def look(self, *, after_s: float) -> list[dict[str, Any]]:
        """Check again after some seconds, and return the worker's log lines."""
        self.later_s += after_s
        with capture_logs() as lines:
            self.watchdog.look()
        return lines

    def close(self) -> None:
        self.over.set()
        for thread in self.started:
            thread.join()


def _fence(job_id: str) -> Fence:
    return Fence(job_id, 1, "token")


def log_of(run: Run) -> list[str]:
    report = run.job.collect()
    return [line.partition(" ")[2] for line in report.lines] if report else []


@pytest.fixture
def crew(namespace: str) -> Iterator[Crew]:
    made = Crew(namespace)
    yield made
    made.close()


def test_a_job_reports_how_long_its_function_has_not_stopped(crew: Crew) -> None:
    run = crew.employ("one")
    run.stop(Cancelled("The job was cancelled."))

    said = [
        (crew.look(after_s=after_s), log_of(run)) for after_s in (9, 1, 49, 1, 539, 1, 600, 600)
    ]

    told = [sum(line["event"] == "function_stuck" for line in lines) for lines, _ in said]
    assert told == [len(lines) for _, lines in said] == [0, 1, 0, 1, 0, 1, 1, 1]
    assert said[1][1][0].startswith("The job was cancelled. The function was told to stop at ")
    assert said[1][1][0].endswith(" UTC and is still running 10 s later.")


def test_a_function_that_was_not_told_to_stop_is_not_reported(crew: Crew) -> None:
    run = crew.employ("one")

    lines = crew.look(after_s=3600)

    assert (lines, log_of(run), crew.watchdog.seen) == ([], [], ThreadHealth())


def test_a_function_that_finally_stopped_is_forgotten(crew: Crew) -> None:
    run = crew.employ("one")
    run.stop(Cancelled("The job was cancelled."))
    crew.look(after_s=60)
    stuck = crew.watchdog.seen

    crew.close()
    crew.watchdog.release()

    assert crew.look(after_s=600) == []
    assert (stuck, crew.watchdog.seen) == (ThreadHealth(stuck=1), ThreadHealth())


@pytest.mark.parametrize("cause", [Cancelled("no"), LeaseLost("no")])
def test_a_worker_drains_once_all_its_threads_are_stuck(crew: Crew, cause: Interrupted) -> None:
    first, second = crew.employ("one"), crew.employ("two")
    first.stop(cause)
    drained = []

    for after_s in (299, 2, 0, 600):
        if after_s == 0:
            second.stop(cause)
        crew.look(after_s=after_s)
        drained.append(len(crew.drained))

    assert drained == [0, 0, 1, 1]


def test_a_thread_held_by_a_replaced_run_is_stuck(crew: Crew) -> None:
    crew.employ("one")
    run = crew.employ("one")
    run.stop(Cancelled("no"))

    crew.look(after_s=300)

    assert crew.watchdog.seen == ThreadHealth(stuck=2)
    assert crew.drained == [True]


def test_a_dead_thread_is_logged_as_an_error_once_and_its_lease_expires(crew: Crew) -> None:
    crew.employ("alive")
    run = crew.employ("dead", ends=False)

    first, second = crew.look(after_s=1), crew.look(after_s=600)

    assert [(line["event"], line["log_level"], line["job"]) for line in first] == [
        ("thread_died", "critical", run.fence.job_id)
    ]
    assert second == []
    assert [each.fence.job_id for each in crew.runs] == ["alive"]
    assert (crew.watchdog.seen, crew.drained) == (ThreadHealth(dead=1), [])


def test_a_worker_drains_once_its_threads_are_dead_or_stuck(crew: Crew) -> None:
    crew.employ("dead", ends=False)
    crew.employ("stuck").stop(Cancelled("no"))

    lines = crew.look(after_s=300)

    assert {"event": "worker_stuck", "threads": 2, "stuck": 1, "dead": 1}.items() <= lines[
        -1
    ].items()
    assert crew.drained == [True]


def test_threads_that_end_with_their_worker_are_not_dead(crew: Crew) -> None:
    crew.employ("over", ends=False)
    crew.watchdog.release()

    lines = crew.look(after_s=1)

    assert (lines, crew.drained) == ([], [])
