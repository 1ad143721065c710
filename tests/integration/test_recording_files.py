"""What a worker records of a run with files, after a loss of Redis data or of the lease."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from callboard import File, Job, operation
from callboard.actors.execution.execute import Executor
from callboard.actors.execution.outcome_recorder import OutcomeRecorder
from callboard.actors.isolation.child_pool import ChildPool
from callboard.actors.runs import Run
from callboard.jobs.fence import Fence
from callboard.jobs.files.records import read_files
from callboard.jobs.progress import LogBounds
from callboard.jobs.read import read, read_submissions
from callboard.jobs.record import Record
from callboard.jobs.registry import Registry
from tests.api_app import ApiApp

if TYPE_CHECKING:
    from callboard.jobs.finish import RunOutcome


@operation(max_retries=1)
def write(*, job: Job) -> File:
    """Create a file."""
    file = job.files.new("a.txt")
    assert file.path is not None
    file.path.write_bytes(b"made")
    return file


class Bench(ApiApp):
    """A run whose function has returned, but whose outcome is not recorded yet."""

    def __init__(self) -> None:
        super().__init__(registry=Registry([write]))
        self.job_id: str = self.submit({"operation": "write", "params": {}}).json["id"]
        self.recorder = OutcomeRecorder(
            self.store,
            worker="worker-1",
            lease=timedelta(seconds=20),
            bounds=LogBounds(),
            ending=threading.Event(),
        )
        (submitted,) = read_submissions(self.store, [self.job_id]).values()
        self.run = Run(submitted.submission, write, self.claim(self.job_id), 0)
        children = ChildPool([], log_format="text", log_level="info")
        executor = Executor(
            self.settings, self.store, self.storage, self.recorder, children=children
        )
        self.outcome: RunOutcome = executor.execute(self.run)
        (self.file_id,) = self.outcome.files

    def record(self) -> Record:
        return read(self.store, self.job_id, tenant="default")

    def used(self) -> bool | None:
        """Whether the file is used; None without a file."""
        (found,) = read_files(self.store, [self.file_id], tenant="default")
        return None if found is None else found.in_use


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def test_a_success_makes_the_job_a_user_of_its_file(bench: Bench) -> None:
    bench.recorder.succeed(bench.run, bench.outcome)

    assert (bench.record().status, bench.used()) == ("succeeded", True)


def test_a_job_that_redis_lost_is_recovered_with_its_file(bench: Bench) -> None:
    keys = bench.store.keys
    bench.store.redis.delete(keys("job", bench.job_id), keys("text", bench.job_id))

    bench.recorder.succeed(bench.run, bench.outcome)

    assert (bench.record().status, bench.used()) == ("succeeded", True)


@pytest.mark.parametrize("job_too", [False, True])
def test_a_file_that_redis_lost_costs_an_attempt(bench: Bench, job_too: bool) -> None:
    keys = bench.store.keys
    bench.store.redis.delete(keys("file", bench.file_id))
    if job_too:
        bench.store.redis.delete(keys("job", bench.job_id), keys("text", bench.job_id))

    bench.recorder.succeed(bench.run, bench.outcome)

    record = bench.record()
    assert (record.status, record.failures, record.result_files) == ("scheduled", 1, ())
    assert record.error is not None
    assert record.error["type"] == "file-gone"
    assert bench.run.outcome == "retried"


def test_a_run_that_lost_its_lease_removes_its_file(bench: Bench) -> None:
    fence = bench.run.fence
    bench.run.fence = Fence(fence.job_id, fence.attempt, "another")

    bench.recorder.succeed(bench.run, bench.outcome)

    assert (bench.record().status, bench.used()) == ("running", None)
