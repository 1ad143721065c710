"""What a job is traced by stays with it, whatever becomes of it."""

from datetime import timedelta

from callboard.jobs.promote import promote
from callboard.jobs.read import read, read_submissions
from callboard.jobs.release import release
from callboard.jobs.retry import retry
from callboard.jobs.submission import Submission
from tests.world import START_MS, World

TRACE = {
    "request_id": "r-7",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate": "rojo=1",
}
ERROR = {"type": "exception", "detail": "no", "retryable": True}


def traced_by(submission: Submission) -> dict[str, str | None]:
    return {name: getattr(submission, name) for name in TRACE}


def kept(world: World, job_id: str) -> dict[str, str | None]:
    """What the job's next message carries."""
    return traced_by(read_submissions(world.store, [job_id])[job_id][0])


def test_the_first_message_and_the_record_carry_it(world: World) -> None:
    job_id = world.submitted(**TRACE)

    (message,) = world.broker.messages
    assert traced_by(message.submission) == TRACE
    assert kept(world, job_id) == TRACE
    assert read(world.store, job_id, tenant="default").request_id == "r-7"


def test_a_retry_and_a_release_keep_it(world: World) -> None:
    fence = world.running(**TRACE, max_retries=1)
    retry(world.store, fence, delay=timedelta(0), error=ERROR)
    world.pass_time(1)
    promote(world.store)
    again = world.claim(fence.job_id).fence
    assert again is not None

    release(world.store, again)
    world.publish()

    assert kept(world, fence.job_id) == TRACE
    assert traced_by(world.broker.messages[-1].submission) == TRACE


def test_a_promotion_keeps_it(world: World) -> None:
    job_id = world.submitted(**TRACE, scheduled_ms=START_MS + 1000)
    world.pass_time(1001)

    promote(world.store)
    world.publish()

    assert traced_by(world.broker.messages[-1].submission) == TRACE
    assert kept(world, job_id) == TRACE


def test_a_recovery_brings_it_back(world: World) -> None:
    job_id = world.submitted(**TRACE)
    (message,) = world.broker.messages
    world.lose(job_id)

    assert world.recover(message) == "recovered"

    assert kept(world, job_id) == TRACE


def test_a_message_carries_it_as_options_and_back() -> None:
    submission = Submission(job_id="1", operation="free", params={}, **TRACE)  # type: ignore[arg-type]

    again = Submission.from_options("1", "free", {}, submission.to_options())

    assert traced_by(again) == TRACE
