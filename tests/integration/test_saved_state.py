"""A job resumes where an earlier attempt stopped, however that ended."""

import math
import secrets
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from callboard.actors.execution.outcome_recorder import OutcomeRecorder
from callboard.actors.runs import Run
from callboard.jobs.cancel import cancel
from callboard.jobs.errors import ShutDown, StoreFull, StoreUnavailable
from callboard.jobs.fence import Fence
from callboard.jobs.finish import RunOutcome, encode_result, finish
from callboard.jobs.progress import LogBounds
from callboard.jobs.purge import purge
from callboard.jobs.reap import reap
from callboard.jobs.release import release
from callboard.jobs.retry import retry
from callboard.jobs.saved_state import encode_state, read_state, save_state
from callboard.jobs.store import ScriptAnswer, Store
from tests.integration.test_embedded_worker import Embedded
from tests.job_system import LEASE, JobSystem
from tests.resuming_operations import walk

SUCCESS = encode_result(1, max_bytes=100)
STATE = encode_state({"page": 3})
SECOND = timedelta(seconds=1)


def test_every_return_to_the_queue_keeps_the_saved_state(job_system: JobSystem) -> None:
    store = job_system.store
    released, retried, reaped = (job_system.running() for _ in range(3))
    for fence in (released, retried, reaped):
        assert save_state(store, fence, STATE) == "saved"

    release(store, released)
    retry(store, retried, delay=SECOND, error={"type": "failure"})
    for _ in range(30):
        job_system.pass_time(1000)
        reap(store, lease=LEASE)

    for fence in (released, retried, reaped):
        assert read_state(store, fence.job_id) == STATE


@pytest.mark.parametrize("way", ["succeeded", "failed", "cancelled"])
def test_a_saved_state_is_deleted_when_the_job_ends(job_system: JobSystem, way: str) -> None:
    store, fence = job_system.store, job_system.running()
    save_state(store, fence, STATE)

    if way == "cancelled":
        release(store, fence)
        cancel(store, fence.job_id, tenant="default")
    else:
        finish(store, fence, SUCCESS if way == "succeeded" else RunOutcome(error={"type": "x"}))

    assert read_state(store, fence.job_id) is None
    assert store.redis.hget(store.keys("job", fence.job_id), "saved") is None
    purge(store, fence.job_id)
    assert not store.redis.exists(store.keys("saved", fence.job_id))


def test_a_state_left_by_an_earlier_version_is_deleted_with_the_record(
    job_system: JobSystem,
) -> None:
    store, fence = job_system.store, job_system.running()
    finish(store, fence, SUCCESS)
    store.redis.set(store.keys("saved", fence.job_id), STATE)

    purge(store, fence.job_id)

    assert read_state(store, fence.job_id) is None


@pytest.mark.parametrize("wrong", ["attempt", "token", "released"])
def test_only_the_attempt_that_holds_the_lease_can_save(job_system: JobSystem, wrong: str) -> None:
    store, fence = job_system.store, job_system.running()
    save_state(store, fence, STATE)
    if wrong == "released":
        release(store, fence)
        late = fence
    elif wrong == "attempt":
        late = Fence(fence.job_id, fence.attempt + 1, fence.token)
    else:
        late = Fence(fence.job_id, fence.attempt, "other")

    word = save_state(store, late, encode_state("late"))

    assert word == "stale"
    assert read_state(store, fence.job_id) == STATE


class _Flaky(Store):
    """A Redis that refuses states a number of times."""

    refusals: float = math.inf
    error: type[StoreUnavailable] = StoreUnavailable

    def run(self, name: str, key: str, **arguments: object) -> ScriptAnswer:
        if self.refusals > 0 and name == "save_state":
            self.refusals -= 1
            raise self.error("Redis refuses the state at the moment.")
        return super().run(name, key, **arguments)  # type: ignore[arg-type]


def _run(job_system: JobSystem, store: Store) -> tuple[Run, OutcomeRecorder]:
    fence = job_system.running()
    submission = job_system.new_submission("walk", max_retries=1)
    recorder = OutcomeRecorder(
        store, worker="w", lease=LEASE, bounds=LogBounds(), ending=threading.Event()
    )
    return Run(submission, walk, fence, 0), recorder


def test_a_state_that_redis_refuses_is_retried(job_system: JobSystem) -> None:
    store = _Flaky(job_system.store.redis, job_system.store.keys.prefix[1:-2], testing=True)
    run, recorder = _run(job_system, store)
    run.job.save("kept")
    recorder.report(run)
    assert (run.dirty, read_state(store, run.fence.job_id)) == (True, None)

    store.refusals = 0
    recorder.report(run)

    assert read_state(store, run.fence.job_id) == encode_state("kept")
    assert not run.dirty


def test_the_last_saved_state_is_written_before_the_job_is_released(
    job_system: JobSystem,
) -> None:
    run, recorder = _run(job_system, job_system.store)
    run.job.save("at the last moment")

    recorder.fail(run, ShutDown("The worker stops."))

    assert run.outcome == "released"
    assert read_state(job_system.store, run.fence.job_id) == encode_state("at the last moment")


@pytest.mark.parametrize(
    ("error", "outcome"), [(ShutDown("The worker stops."), "released"), (OSError(), "retried")]
)
def test_a_refused_state_is_written_before_the_job_is_released(
    job_system: JobSystem, error: Exception, outcome: str
) -> None:
    store = _Flaky(job_system.store.redis, job_system.store.keys.prefix[1:-2], testing=True)
    store.refusals = 3
    run, recorder = _run(job_system, store)
    run.job.save("kept")

    recorder.fail(run, error)

    assert run.outcome == outcome
    assert read_state(store, run.fence.job_id) == encode_state("kept")


def test_a_redis_without_memory_for_a_state_still_releases_the_job(job_system: JobSystem) -> None:
    store = _Flaky(job_system.store.redis, job_system.store.keys.prefix[1:-2], testing=True)
    store.error = StoreFull
    run, recorder = _run(job_system, store)
    run.job.save("too much")

    recorder.fail(run, ShutDown("The worker stops."))

    assert run.outcome == "released"
    assert run.told == {"answer": "queued"}


@pytest.fixture(scope="module")
def worker() -> Iterator[Embedded]:
    made = Embedded(
        f"test-{secrets.token_hex(6)}", operations="tests.resuming_operations", shutdown_grace="0s"
    )
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("operation", ["walk", "walk_apart"])
def test_completed_steps_are_not_repeated(worker: Embedded, operation: str) -> None:
    ended = worker.ended(worker.submit(operation, steps=4, fails_at=2), timeout=60)

    assert ended.result == [[0, 1], [1, 1], [2, 2], [3, 2]]
    assert read_state(worker.store, ended.id) is None


def test_a_state_saved_before_a_crash_is_kept(worker: Embedded) -> None:
    ended = worker.ended(worker.submit("die_once"), timeout=60)

    assert ended.result == {"page": 7, "digest": "00ff"}


def test_a_state_that_is_too_large_fails_the_function(worker: Embedded) -> None:
    ended = worker.run("save_what_does_not_fit")

    assert ended.result == ("fits: The state has 2000005 bytes; at most 1048576 can be saved.")
