"""Jobs of a newer version: an older one leaves them alone, and loses none."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from dramatiq import Message

from callboard.actors.broker.received_message import ReceivedMessage
from callboard.actors.claiming import SNOOZE, Claiming, NotMineError
from callboard.actors.container import Container, build_container
from callboard.actors.wakeups import PUBLISHED_MS
from callboard.actors.worker import WorkerLifecycle
from callboard.config import load_settings
from callboard.jobs.cancel import cancel
from callboard.jobs.errors import NewerFormat
from callboard.jobs.ids import new_job_id
from callboard.jobs.orphans import Orphans, put_back_orphans, read_orphans
from callboard.jobs.read import read, read_submissions
from callboard.jobs.relay import relay_outbox
from callboard.jobs.snooze import WITHOUT_END, snooze
from callboard.jobs.submission import FORMAT, Submission
from callboard.jobs.workers import heartbeat_worker
from tests.api_app import ApiApp
from tests.job_system import JobSystem

NEWER = FORMAT + 1
WEEK_MS = 7 * 24 * 3600 * 1000


class Receiving:
    """A worker's middleware, handed messages one by one."""

    def __init__(self, namespace: str) -> None:
        settings = load_settings(
            namespace=namespace, operations="tests.system.operations", resources="gpu=2"
        )
        self.container: Container = build_container(settings)
        WorkerLifecycle(self.container, supervised=False).install()
        (self.claiming,) = (
            each for each in self.container.broker.middleware if isinstance(each, Claiming)
        )

    def receive(self, job_id: str, **options: Any) -> ReceivedMessage:
        message: Message[Any] = Message(
            queue_name="default",
            actor_name="echo",
            args=(),
            kwargs={},
            options={"result_ttl_ms": 1000, PUBLISHED_MS: self.container.store.now_ms(), **options},
            message_id=job_id,
        )
        delivery = ReceivedMessage(message, redelivered=False)
        with pytest.raises(NotMineError):
            self.claiming.before_process_message(self.container.broker, delivery)
        return delivery

    def put_off(self, job_id: str) -> bool:
        """Whether a job is queued and its message is due in a while."""
        store = self.container.store
        due = store.redis.zscore(store.keys("outbox"), job_id) or 0
        return due > store.now_ms() + 2000 and self.field(job_id, "status") == "queued"

    def field(self, job_id: str, name: str) -> str | None:
        store = self.container.store
        (value,) = store.pipeline(("HGET", store.keys("job", job_id), name))
        return None if value is None else value.decode()


@pytest.fixture
def receiving(namespace: str) -> Iterator[Receiving]:
    """A worker that is not started."""
    made = Receiving(namespace)
    yield made
    made.container.close()


@pytest.mark.parametrize(
    ("of_message", "of_record"),
    [(NEWER, NEWER), (FORMAT, NEWER), (NEWER, FORMAT)],
    ids=["both", "the record", "the message"],
)
def test_a_worker_postpones_jobs_of_a_newer_format(
    receiving: Receiving, of_message: int, of_record: int
) -> None:
    job_id = receiving.container.submissions.submit("echo", {}).job_id
    make_newer(receiving.container.store, job_id, of_record)

    delivery = receiving.receive(job_id, format=of_message)

    assert receiving.put_off(job_id)
    assert receiving.field(job_id, "attempt") == "0"
    assert delivery.requeue_after is None


def test_a_newer_message_without_a_record_is_kept_in_redis_without_holding_a_place(
    receiving: Receiving,
) -> None:
    job_ids = [new_job_id() for _ in range(40)]

    deliveries = [receiving.receive(each, format=99, payload="unknown") for each in job_ids]
    again = receiving.receive(job_ids[0], format=99, payload="unknown", published_ms=1)
    orphans = read_orphans(receiving.container.store)

    assert {delivery.requeue_after for delivery in (*deliveries, again)} == {None}
    assert receiving.field(job_ids[0], "status") is None
    assert (orphans.kept, orphans.dropped) == (41, 0)


def test_a_kept_message_is_published_once_a_live_worker_can_read_it(
    receiving: Receiving,
) -> None:
    store, put_back = receiving.container.store, list[tuple[str, bytes]]()
    delivery = receiving.receive(new_job_id(), format=NEWER, payload="as nobody knows it")
    look_again(store)

    heartbeat_worker(store, "older", {"format": str(FORMAT)}, operations=[])
    for_older = put_back_orphans(store, lambda *each: put_back.append(each))
    look_again(store)
    heartbeat_worker(store, "newer", {"format": str(NEWER)}, operations=[])
    for_newer = put_back_orphans(store, lambda *each: put_back.append(each))

    assert (for_older, for_newer) == (0, 1)
    ((queue, body),) = put_back
    assert queue == delivery.queue_name
    assert Message.decode(body) == delivery._message
    assert read_orphans(store).kept == 1


def test_a_kept_message_is_checked_again_within_seconds(
    receiving: Receiving,
) -> None:
    store = receiving.container.store
    receiving.receive(new_job_id(), format=NEWER)
    look_again(store)

    put_back_orphans(store, lambda *_: pytest.fail("nobody can read it"))

    ((_, due_ms),) = store.redis.zrange(store.keys("orphans"), 0, -1, withscores=True)
    assert due_ms <= store.now_ms() + 5000


def test_a_kept_message_is_removed_once_its_job_has_a_record(receiving: Receiving) -> None:
    store, job_id = receiving.container.store, new_job_id()
    receiving.receive(job_id, format=NEWER)
    store.redis.hset(store.keys("job", job_id), "status", "queued")
    look_again(store)

    put_back_orphans(store, lambda *_: pytest.fail("it was read"))

    assert read_orphans(store) == Orphans()


def test_a_message_unreadable_for_a_day_is_dropped_and_counted(
    receiving: Receiving,
) -> None:
    store, job_id = receiving.container.store, new_job_id()
    receiving.receive(job_id, format=NEWER)
    (orphan,) = store.redis.zrange(store.keys("orphans"), 0, -1)
    long_ago = store.now_ms() - 25 * 3600 * 1000
    store.redis.hset(store.keys("orphan", orphan.decode()), "since_ms", long_ago)
    look_again(store)

    put_back_orphans(store, lambda *_: pytest.fail("it is too old"))

    assert read_orphans(store) == Orphans(dropped=1)
    assert not store.redis.exists(store.keys("orphan", orphan.decode()))


def test_a_foreign_message_is_counted(receiving: Receiving) -> None:
    receiving.receive(new_job_id(), result_ttl_ms="soon")

    assert read_orphans(receiving.container.store).unreadable == 1


def test_a_job_postponed_for_its_format_never_fails_for_it(job_system: JobSystem) -> None:
    job_id = job_system.submitted()
    make_newer(job_system.store, job_id)

    job_system.pass_time(WEEK_MS)

    assert snooze(job_system.store, job_id, delay=SNOOZE, patience=WITHOUT_END) == "snoozed"


def test_the_wake_up_of_a_newer_job_is_left_to_a_newer_relay(
    job_system: JobSystem,
) -> None:
    submission = job_system.new_submission()
    job_system.submit(submission, publish=False)
    job_id = submission.job_id
    make_newer(job_system.store, job_id)

    job_system.pass_time(60_000)
    relay_outbox(job_system.store)
    assert job_id in job_system.woken
    job_system.publish()

    assert job_system.broker.published == []
    assert job_system.redis.zscore(job_system.store.keys("outbox"), job_id) is not None


def test_an_older_process_can_cancel_and_show_a_newer_job(job_system: JobSystem) -> None:
    job_id = job_system.submitted()
    make_newer(job_system.store, job_id)

    with pytest.raises(NewerFormat):
        job_system.claim(job_id)
    cancel(job_system.store, job_id)

    assert read(job_system.store, job_id, tenant="default").status == "cancelled"


def test_a_job_without_a_format_has_the_first_one(job_system: JobSystem) -> None:
    job_id = job_system.submitted()
    job_system.redis.hdel(job_system.store.keys("job", job_id), "format")

    submitted = read_submissions(job_system.store, [job_id])[job_id]

    assert submitted.submission.format == 1
    assert job_system.claim(job_id).word == "claimed"


def test_a_message_keeps_the_format_of_its_record() -> None:
    submission = Submission(job_id="1", operation="free", params={}, result_ttl=timedelta(hours=1))

    options = submission.to_options()

    assert options["format"] == FORMAT
    assert Submission.from_options("1", "free", {}, options) == submission
    with pytest.raises(NewerFormat):
        Submission.from_options("1", "free", {}, {**options, "format": NEWER})


def test_a_retry_by_hand_of_a_newer_job_is_refused_until_the_deploy_is_complete() -> None:
    api_app = ApiApp()
    job_id = api_app.submit().json["id"]
    api_app.succeed(job_id, 3)
    make_newer(api_app.store, job_id)

    answer = api_app.http.simulate_post(f"/v1/jobs/{job_id}/retry")
    shown = api_app.http.simulate_get(f"/v1/jobs/{job_id}")
    api_app.close()

    assert (answer.status_code, answer.json["code"]) == (503, "NEWER_FORMAT")
    assert int(answer.headers["Retry-After"]) == 60
    assert shown.json["status"] == "succeeded"


def make_newer(store: Any, job_id: str, number: int = NEWER) -> None:
    """Change a record to a newer format, which an older version need not understand."""
    store.redis.hset(store.keys("job", job_id), "format", number)
    if number > FORMAT:
        store.redis.set(store.keys("params", job_id), b"\x7fin no known way")


def look_again(store: Any) -> None:
    """Move to the time at which kept messages are checked."""
    for orphan in store.redis.zrange(store.keys("orphans"), 0, -1):
        store.redis.zadd(store.keys("orphans"), {orphan: 0})
