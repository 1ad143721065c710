"""How a worker runs functions, in one process with an embedded broker and Redis."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from dramatiq import Broker, Middleware
from dramatiq.worker import Worker

from callboard.actors.container import Container, build_container
from callboard.actors.worker import WorkerLifecycle
from callboard.config import load_settings
from callboard.jobs.cancel import cancel
from callboard.jobs.connection.redis_client import connect_redis
from callboard.jobs.ids import new_job_id
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.publisher import Wakeup
from callboard.jobs.read import read
from callboard.jobs.record import Record
from callboard.jobs.results import read_result
from callboard.jobs.submission import Submission
from callboard.jobs.submit import submit
from callboard.jobs.workers import list_workers
from tests.eventually import eventually


class Embedded:
    """One process with everything but HTTP."""

    def __init__(self, namespace: str, **settings: Any) -> None:
        chosen = {
            "namespace": namespace,
            "operations": "tests.system.operations",
            "resources": "gpu=2",
            "lease": "3s",
            **settings,
        }
        self.container: Container = build_container(load_settings(**chosen))
        self.store = self.container.store
        self.lifecycle = WorkerLifecycle(self.container, supervised=False)
        self.lifecycle.install()
        self.worker = Worker(self.container.broker, worker_threads=4, worker_timeout=50)
        self.stopped = False

    def start(self) -> None:
        self.worker.start()

    def submit(self, operation: str, **params: Any) -> str:
        return self.container.submissions.submit(operation, params).job_id

    def read(self, job_id: str) -> Record:
        return read(self.store, job_id, tenant="default")

    def ended(self, job_id: str, timeout: float = 10) -> Record:
        eventually(lambda: self.read(job_id).final, what=f"job {job_id} ends", timeout=timeout)
        return self.read(job_id)

    def run(self, operation: str, **params: Any) -> Record:
        return self.ended(self.submit(operation, **params))

    def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            self.worker.stop(timeout=10_000)
            self.container.close()


@pytest.fixture
def embedded(namespace: str) -> Iterator[Embedded]:
    made = Embedded(namespace, shutdown_grace="0s", max_result_bytes="1MiB")
    made.start()
    yield made
    made.stop()


def kind_of(record: Record) -> str:
    assert record.error is not None
    return str(record.error["type"])


def test_a_result_is_kept(embedded: Embedded) -> None:
    ended = embedded.run("echo", text="hello")

    assert ended.status == "succeeded"
    assert ended.result == {"text": "hello", "attempt": 1}
    assert read_result(embedded.store, ended.id) == ended.result


def test_a_failure_is_retried_and_then_succeeds(embedded: Embedded) -> None:
    ended = embedded.run("fragile", failures=2)

    assert (ended.status, ended.result, ended.attempt, ended.failures) == ("succeeded", 3, 3, 2)


def test_a_job_out_of_retries_fails_with_its_last_error(embedded: Embedded) -> None:
    ended = embedded.run("fragile", failures=9)

    assert (ended.status, ended.attempt) == ("failed", 4)
    assert kind_of(ended) == "exception"
    assert ended.error is not None
    assert ended.error["detail"] == "ValueError: attempt 4 fails"


def test_a_permanent_failure_is_not_retried(embedded: Embedded) -> None:
    ended = embedded.run("refuse", reason="the file is empty")

    assert (ended.status, ended.attempt, kind_of(ended)) == ("failed", 1, "failure")


@pytest.mark.parametrize("operation", ["late", "late_async"])
def test_a_function_past_its_time_limit_fails_with_timeout(
    embedded: Embedded, operation: str
) -> None:
    ended = embedded.run(operation, seconds=30)

    assert (ended.status, kind_of(ended)) == ("failed", "timeout")


def test_an_unreadable_result_fails_the_job(embedded: Embedded) -> None:
    ended = embedded.run("unserialisable")

    assert (ended.status, kind_of(ended)) == ("failed", "result-not-serialisable")


def test_a_result_that_is_too_large_fails_the_job(embedded: Embedded) -> None:
    ended = embedded.run("large", size=2 * 1024 * 1024)

    assert (ended.status, kind_of(ended)) == ("failed", "result-too-large")


@pytest.mark.alone
def test_a_cancel_reaches_a_running_function_within_300_ms(embedded: Embedded) -> None:
    job_id = embedded.submit("wait", seconds=60)
    eventually(lambda: embedded.read(job_id).status == "running", what="the job runs")
    began = time.monotonic()

    assert cancel(embedded.store, job_id) == "cancelling"
    ended = embedded.ended(job_id)

    assert ended.status == "cancelled"
    assert time.monotonic() - began < 0.3


def test_a_flood_of_log_lines_and_progress_is_bounded(embedded: Embedded) -> None:
    ended = embedded.run("chatty", lines=50_000)
    kept = embedded.store.redis.llen(embedded.store.keys("log", ended.id))

    assert ended.status == "succeeded"
    assert 0 < kept <= 1001


def test_a_job_whose_worker_stops_is_released_uncounted(embedded: Embedded) -> None:
    job_id = embedded.submit("wait", seconds=60)
    eventually(lambda: embedded.read(job_id).status == "running", what="the job runs")

    embedded.stop()

    left = embedded.read(job_id)
    assert (left.status, left.attempt, left.failures, left.crashes) == ("queued", 1, 0, 0)


def test_nothing_starts_without_redis(embedded: Embedded, namespace: str) -> None:
    server = connect_redis(load_settings(namespace=namespace)).connection_pool.connection_kwargs[
        "server"
    ]
    accepted = record_without_message(embedded, "echo")
    server.connected = False
    try:
        assert embedded.container.publisher.publish([accepted]) == [True]
        eventually(lambda: embedded.container.publisher.ready("default") == 0, what="it is fetched")
    finally:
        server.connected = True

    assert embedded.ended(accepted.submission.job_id).attempt == 1


def record_without_message(embedded: Embedded, operation: str) -> Wakeup:
    """Record a job like a web process that dies before publishing."""
    declared = embedded.container.registry.get(operation)
    submission = declared.submission(new_job_id(), declared.validated({}))
    accepted = submit(embedded.store, submission, max_active=10, limits=OperationLimits(10))
    return Wakeup(accepted.submission, 1, reserved=False, published_ms=accepted.now_ms)


def test_a_record_that_redis_lost_is_recovered_from_its_message(embedded: Embedded) -> None:
    submission = Submission(job_id=new_job_id(), operation="echo", params={"text": "lost"})
    wakeup = Wakeup(
        submission.created(embedded.store.now_ms()),
        1,
        reserved=False,
        published_ms=embedded.store.now_ms(),
    )

    embedded.container.publisher.publish([wakeup])

    eventually(lambda: exists(embedded, submission.job_id), what="the job is recovered")
    assert embedded.ended(submission.job_id).result == {"text": "lost", "attempt": 1}


def test_a_result_is_stored_even_if_redis_lost_the_running_job(embedded: Embedded) -> None:
    job_id = embedded.submit("wait", seconds=0.5)
    eventually(lambda: embedded.read(job_id).status == "running", what="the job runs")

    for name in embedded.store.redis.scan_iter(f"{embedded.store.keys.prefix}*"):
        embedded.store.redis.delete(name)

    eventually(lambda: exists(embedded, job_id), what="the job is recovered")
    ended = embedded.ended(job_id)
    assert (ended.status, ended.result) == ("succeeded", 1)


def exists(embedded: Embedded, job_id: str) -> bool:
    return bool(embedded.store.redis.exists(embedded.store.keys("job", job_id)))


def test_a_job_of_an_unknown_operation_waits_for_a_worker_that_knows_it(
    embedded: Embedded,
) -> None:
    submission = Submission(job_id=new_job_id(), operation="not_yet_deployed", params={})
    accepted = submit(embedded.store, submission, max_active=10, limits=OperationLimits(10))
    wakeup = Wakeup(accepted.submission, 1, reserved=False, published_ms=accepted.now_ms)

    embedded.container.publisher.publish([wakeup])
    outbox = embedded.store.keys("outbox")
    eventually(
        lambda: (
            (embedded.store.redis.zscore(outbox, submission.job_id) or 0)
            > embedded.store.now_ms() + 2000
        ),
        what="its message is put off",
    )

    assert embedded.read(submission.job_id).status == "queued"


def test_a_worker_thread_survives_every_outcome_of_a_run(embedded: Embedded) -> None:
    for _ in range(4):
        job_id = embedded.submit("wait", seconds=60)
        eventually(lambda j=job_id: embedded.read(j).status == "running", what="it runs")
        cancel(embedded.store, job_id)
        embedded.ended(job_id)
    for _ in range(4):
        embedded.run("late", seconds=5)
        embedded.run("refuse", reason="no")
        embedded.run("unserialisable")

    assert all(thread.is_alive() for thread in embedded.worker.workers)
    assert embedded.run("echo").status == "succeeded"


def test_python_submits_through_the_same_service_as_http(embedded: Embedded) -> None:
    embedded.container.submissions.serve_operations()
    operation = embedded.container.registry.get("echo")

    job_id = operation.submit(text="from Python")

    assert embedded.ended(job_id).result == {"text": "from Python", "attempt": 1}


def test_a_lost_lease_stops_the_function_and_its_outcome_is_refused(namespace: str) -> None:
    embedded = Embedded(namespace, lease="1s")
    embedded.start()
    try:
        job_id = embedded.submit("wait", seconds=60)
        # The record is updated a moment before the worker registers the run.
        eventually(lambda: embedded.lifecycle.runs.find(job_id) is not None, what="the job runs")
        assert embedded.read(job_id).status == "running"
        # Another attempt holds the job from now on.
        embedded.store.redis.hset(embedded.store.keys("job", job_id), "token", "somebody else's")

        eventually(lambda: embedded.lifecycle.runs.find(job_id) is None, what="the run stops")
        assert embedded.read(job_id).status == "running"
    finally:
        embedded.stop()


def test_threads_end_with_the_worker(namespace: str) -> None:
    before = threading.active_count()
    embedded = Embedded(namespace)
    embedded.start()
    embedded.run("echo")

    embedded.stop()

    eventually(lambda: threading.active_count() <= before, what="all threads have ended")


class Deadly(Middleware):
    """Ends the first thread after its function, before anything is recorded."""

    def __init__(self) -> None:
        self.victim: threading.Thread | None = None

    def after_process_message(self, broker: Broker, message: Any, **_outcome: Any) -> None:  # noqa: ARG002
        self.victim = self.victim or threading.current_thread()
        if threading.current_thread() is self.victim:
            raise SystemExit


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_job_of_a_dead_thread_is_run_by_another_thread(namespace: str) -> None:
    embedded = Embedded(namespace, lease="1s")
    embedded.container.broker.add_middleware(Deadly())
    embedded.start()
    try:
        ended = embedded.run("echo")
        eventually(
            lambda: [each.dead_threads for each in list_workers(embedded.store)] == [1],
            what="the list of workers shows a dead thread",
        )
    finally:
        embedded.stop()

    assert (ended.status, ended.attempt, ended.crashes) == ("succeeded", 2, 1)


def test_a_worker_reports_its_identity_and_its_operations(embedded: Embedded) -> None:
    eventually(lambda: list_workers(embedded.store), what="the worker lives", timeout=10)

    (worker,) = list_workers(embedded.store)

    assert (worker.host, worker.pid) == (socket.gethostname(), os.getpid())
    assert worker.version == version("callboard")
    assert worker.operations == tuple(sorted(each.name for each in embedded.container.registry))
    assert worker.threads == embedded.container.settings.threads
    assert worker.since is not None
