"""A job keeps its trace context through every transition."""

from datetime import timedelta

from callboard.jobs.promote import promote
from callboard.jobs.read import read, read_submissions
from callboard.jobs.release import release
from callboard.jobs.retry import retry
from callboard.jobs.submission import Submission
from tests.job_system import START_MS, JobSystem

TRACE = {
    "request_id": "r-7",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate": "rojo=1",
}
ERROR = {"type": "exception", "detail": "no", "retryable": True}


def traced_by(submission: Submission) -> dict[str, str | None]:
    return {name: getattr(submission, name) for name in TRACE}


def kept(job_system: JobSystem, job_id: str) -> dict[str, str | None]:
    """The trace context of the job's next message."""
    return traced_by(read_submissions(job_system.store, [job_id])[job_id][0])


def test_the_first_message_and_the_record_have_the_trace_context(job_system: JobSystem) -> None:
    job_id = job_system.submitted(**TRACE)

    (message,) = job_system.broker.messages
    assert traced_by(message.submission) == TRACE
    assert kept(job_system, job_id) == TRACE
    assert read(job_system.store, job_id, tenant="default").request_id == "r-7"


def test_a_retry_and_a_release_keep_the_trace_context(job_system: JobSystem) -> None:
    fence = job_system.running(**TRACE, max_retries=1)
    retry(job_system.store, fence, delay=timedelta(0), error=ERROR)
    job_system.pass_time(1)
    promote(job_system.store)
    again = job_system.claim(fence.job_id).fence
    assert again is not None

    release(job_system.store, again)
    job_system.publish()

    assert kept(job_system, fence.job_id) == TRACE
    assert traced_by(job_system.broker.messages[-1].submission) == TRACE


def test_a_promotion_keeps_the_trace_context(job_system: JobSystem) -> None:
    job_id = job_system.submitted(**TRACE, scheduled_ms=START_MS + 1000)
    job_system.pass_time(1001)

    promote(job_system.store)
    job_system.publish()

    assert traced_by(job_system.broker.messages[-1].submission) == TRACE
    assert kept(job_system, job_id) == TRACE


def test_a_recovery_restores_the_trace_context(job_system: JobSystem) -> None:
    job_id = job_system.submitted(**TRACE)
    (message,) = job_system.broker.messages
    job_system.lose(job_id)

    assert job_system.recover(message) == "recovered"

    assert kept(job_system, job_id) == TRACE


def test_a_messages_options_round_trip_the_trace_context() -> None:
    submission = Submission(job_id="1", operation="free", params={}, **TRACE)  # type: ignore[arg-type]

    again = Submission.from_options("1", "free", {}, submission.to_options())

    assert traced_by(again) == TRACE
