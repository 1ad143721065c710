"""Workers with functions that do not stop report it, exit in time, and count no crash."""

import re
import signal
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from callboard.actors.shutdown import EXIT_STUCK, GONE_SECONDS
from callboard.jobs.reap import reap
from callboard.jobs.workers import list_workers
from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.notes import begun, read_notes
from tests.system.stack import BOOT_SECONDS, Stack, Started, installation

LEASE = timedelta(seconds=3)
FOR_EVER_SECONDS = 600
MAX_STEPS = 10**15
AT_ONCE = {"CALLBOARD_THREADS": "1", "CALLBOARD_SHUTDOWN_GRACE": "0s"}
IN_TIME_SECONDS = GONE_SECONDS + 4


@pytest.fixture(scope="module")
def web(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Stack]:
    """An installation without workers."""
    redis_server.connect().flushall()
    with installation(tmp_path_factory.mktemp("stuck"), rabbitmq, redis_server, "stuck") as made:
        made.start(workers=0)
        yield made


@pytest.mark.timeout(90)
def test_no_kind_of_stop_counts_a_crash_for_a_function_that_continues(
    web: Stack, tmp_path: Path
) -> None:
    patient, impatient, killed = start(web, 3)
    jobs = submit(web, tmp_path, *["resist"] * 3, seconds=FOR_EVER_SECONDS)

    for worker in (patient, impatient, killed):
        worker.signal(signal.SIGTERM)
    eventually(lambda: all(field(web, job, "preempted") for job in jobs), what="all are preempted")
    killed.signal(signal.SIGKILL)
    threading.Event().wait(2.1)  # earlier, a second signal would count as the first
    impatient.signal(signal.SIGTERM)
    impatient_code = impatient.process.wait(4)
    patient_code = patient.process.wait(IN_TIME_SECONDS)

    assert (patient_code, impatient_code) == (0, 1)
    assert "worker_cut_short" in text_of(patient)
    await_status(web, jobs, "queued")
    assert [field(web, job, "crashes") for job in jobs] == ["0"] * 3


@pytest.mark.timeout(90)
def test_a_worker_with_only_stuck_threads_exits_to_be_restarted(web: Stack, tmp_path: Path) -> None:
    workers = start(web, 2, CALLBOARD_STUCK_AFTER="2s")
    resisting = submit(web, tmp_path / "1", "resist", seconds=FOR_EVER_SECONDS)
    locking = submit(web, tmp_path / "2", "keep_the_lock", steps=MAX_STEPS)

    with web.client() as client:
        client.cancel(resisting[0])
    eventually(
        lambda: any(worker.stuck_threads for worker in list_workers(web.store)),
        what="the list of workers shows a stuck thread",
    )
    codes = sorted(worker.process.wait(20) for worker in workers)

    said = "".join(text_of(worker) for worker in workers)
    assert codes == [1, EXIT_STUCK]
    assert "worker_stuck" in said
    assert re.search(r"resistance\.py.* in keep_the_lock", said)
    await_status(web, resisting, "cancelled")
    await_status(web, locking, "queued")
    assert field(web, locking[0], "crashes") == "1"


@pytest.mark.timeout(90)
def test_a_worker_stops_cleanly_and_in_time_while_redis_does_not_answer(
    web: Stack, tmp_path: Path
) -> None:
    (worker,) = start(web, 1)
    jobs = submit(web, tmp_path, "wait", seconds=FOR_EVER_SECONDS)

    web.redis_server.pause()
    worker.signal(signal.SIGTERM)
    code = worker.process.wait(IN_TIME_SECONDS)
    web.redis_server.resume()

    assert code == 0
    assert "worker_stopping" in text_of(worker)
    await_status(web, jobs, "queued")
    with web.client() as client:
        client.cancel(jobs[0])


def start(web: Stack, count: int, **settings: str) -> Sequence[Started]:
    """Start workers of one thread without a grace period, and wait until they accept jobs."""
    web.store.redis.delete(web.store.keys("workers"))  # earlier ones are remembered for 30 s
    workers = [web.worker(**AT_ONCE, **settings) for _ in range(count)]
    web.await_workers(count)
    return workers


def submit(web: Stack, folder: Path, *operations: str, **params: object) -> list[str]:
    """Submit jobs, and wait until their functions run."""
    folder.mkdir(exist_ok=True)
    path = folder / "notes"
    with web.client() as client:
        bodies = [client.submit(each, {"path": str(path), **params}) for each in operations]
    eventually(
        lambda: len(begun(read_notes(path))) == len(bodies), what="all run", timeout=BOOT_SECONDS
    )
    return [body["id"] for body in bodies]


def await_status(web: Stack, jobs: Sequence[str], status: str) -> None:
    """Run the housekeeper, in place of stopped workers, until the jobs have a status."""

    def look() -> bool:
        reap(web.store, lease=LEASE)
        return all(field(web, job, "status") == status for job in jobs)

    eventually(look, what=f"all are {status}", timeout=3 * LEASE.total_seconds(), interval=0.2)


def field(web: Stack, job_id: str, name: str) -> str:
    """Read one field of a job's record."""
    (value,) = web.store.pipeline(("HGET", web.store.keys("job", job_id), name))
    return value.decode() if value else ""


def text_of(started: Started) -> str:
    """Read the output of a process."""
    return started.log.read_text(encoding="utf-8")
