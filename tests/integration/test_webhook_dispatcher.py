"""Callbacks are signed, sent, resent with the same id, and recorded, whatever fails."""
# long: one setup of jobs, dispatchers and receivers for every way in which a delivery fails

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import standardwebhooks

from callboard.actors.webhooks.dispatcher import PER_HOST, THREADS
from callboard.api.callbacks.body import MAX_RESULT_BYTES
from callboard.jobs.batches.batch import cancel_batch
from callboard.jobs.batches.submit import NewBatch, Step, submit_step
from callboard.jobs.callbacks.deliver import (
    LEASE,
    WebhookDelivery,
)
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.log import LogLine, read_log
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.purge import purge, purge_expired
from tests.callback_system import SIGNING_KEY, CallbackSystem, callback_to, verify
from tests.delivery_moves import take
from tests.eventually import eventually
from tests.logs import capture_logs
from tests.receiver import Connection, Receiver, answering, hanging

HOUR_MS = 3_600_000
BATCH = "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77"
LEASE_MS = LEASE // timedelta(milliseconds=1)


@pytest.fixture
def callback_system() -> Iterator[CallbackSystem]:
    opened = CallbackSystem()
    yield opened
    opened.close()


def test_a_callback_is_signed_and_has_the_outcome_of_the_job(
    callback_system: CallbackSystem,
) -> None:
    with Receiver() as receiver:
        job_id = callback_system.job(
            receiver, tenant="lab", request_id="r-1", traceparent=f"00-{'1' * 32}-{'2' * 16}-01"
        )
        callback_system.round(callback_system.dispatcher(receiver))

    (request,) = receiver.received
    said = verify(callback_system.secret("lab"), request)
    data = said.pop("data")
    delivery = callback_system.delivery(job_id)
    assert said == {"type": "job.succeeded", "timestamp": "2027-01-15T08:00:00.000Z"}
    assert (data["id"], data["status"], data["result"]) == (job_id, "succeeded", {"found": 1})
    assert data["links"]["self"] == f"https://jobs.example/base/v1/jobs/{job_id}"
    assert (delivery.status, delivery.attempts) == ("delivered", 1)
    chosen = {
        "content-type": "application/json",
        "webhook-id": delivery.id,
        "ce-specversion": "1.0",
        "ce-id": delivery.id,
        "ce-source": "https://jobs.example/base",
        "ce-type": "job.succeeded",
        "ce-subject": job_id,
        "ce-time": "2027-01-15T08:00:00.000Z",
        "x-request-id": "r-1",
        "traceparent": f"00-{'1' * 32}-{'2' * 16}-01",
    }
    assert chosen.items() <= request.headers.items()
    assert request.headers["user-agent"].startswith("Callboard/")
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 30


@pytest.mark.parametrize("wrong", ["body", "id", "timestamp", "tenant"])
def test_a_signature_is_valid_only_for_its_own_content(
    callback_system: CallbackSystem, wrong: str
) -> None:
    with Receiver() as receiver:
        callback_system.job(receiver)
        callback_system.round(callback_system.dispatcher(receiver))
    (request,) = receiver.received
    secret = callback_system.secret("other" if wrong == "tenant" else "default")
    headers = dict(request.headers)
    if wrong == "id":
        headers["webhook-id"] += "x"
    if wrong == "timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    body = request.body + b" " if wrong == "body" else request.body

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body, headers)


def test_a_retry_sends_the_same_bytes_with_the_same_id(
    callback_system: CallbackSystem,
) -> None:
    with Receiver(answering(500), answering(204)) as receiver:
        job_id = callback_system.job(receiver, result_ttl=timedelta(hours=1))
        dispatcher = callback_system.dispatcher(receiver)
        callback_system.round(dispatcher)
        waiting = callback_system.delivery(job_id)
        log = " ".join(line.text for line in _log(callback_system, job_id))
        callback_system.round(dispatcher)
        requests_at_once = len(receiver.received)
        callback_system.job_system.pass_time(HOUR_MS)
        purged = purge_expired(callback_system.job_system.store)
        callback_system.round(dispatcher)

    first, second = receiver.received
    assert (waiting.status, waiting.attempts) == ("pending", 1)
    assert (requests_at_once, purged) == (1, 1)
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    verify(callback_system.secret(), second)
    assert "hooks.example" in log
    assert "hush" not in log


def _log(callback_system: CallbackSystem, job_id: str) -> list[LogLine]:
    return list(read_log(callback_system.job_system.store, job_id, after=0, most=100).lines)


def test_a_receiver_that_answers_410_gets_nothing_more(callback_system: CallbackSystem) -> None:
    with Receiver(answering(410)) as receiver:
        job_id = callback_system.job(receiver)
        dispatcher = callback_system.dispatcher(receiver)
        callback_system.round(dispatcher)
        callback_system.job_system.pass_time(HOUR_MS)
        callback_system.round(dispatcher)

    assert len(receiver.received) == 1
    assert callback_system.delivery(job_id).status == "stopped"


def test_retry_after_postpones_the_next_attempt(callback_system: CallbackSystem) -> None:
    with Receiver(answering(429, "Retry-After: 600")) as receiver:
        job_id = callback_system.job(receiver)
        callback_system.round(callback_system.dispatcher(receiver))

    delivery = callback_system.delivery(job_id)
    assert delivery.next_at is not None
    assert delivery.next_at.timestamp() * 1000 == callback_system.job_system.now_ms + 600_000


def test_after_the_last_retry_the_delivery_has_failed(callback_system: CallbackSystem) -> None:
    with Receiver(answering(500)) as receiver:
        job_id = callback_system.job(receiver)
        dispatcher = callback_system.dispatcher(receiver)
        for _ in range(5):
            callback_system.round(dispatcher)
            callback_system.job_system.pass_time(HOUR_MS)

    assert len(receiver.received) == 3
    assert callback_system.delivery(job_id).status == "failed"


@pytest.mark.parametrize(("length", "shown"), [(MAX_RESULT_BYTES - 10, True), (20_000, False)])
def test_a_callback_includes_a_small_result_and_no_large_one(
    callback_system: CallbackSystem, length: int, shown: bool
) -> None:
    with Receiver() as receiver:
        fence = callback_system.job_system.running(callback=callback_to(receiver))
        finish(
            callback_system.job_system.store, fence, encode_result("x" * length, max_bytes=30_000)
        )
        callback_system.round(callback_system.dispatcher(receiver))

    data = verify(callback_system.secret(), receiver.received[0])["data"]
    assert (data["result"] is not None) is shown
    assert data["links"]["result"].endswith(f"/v1/jobs/{fence.job_id}/result")


def test_a_completed_batch_sends_a_callback(callback_system: CallbackSystem) -> None:
    store = callback_system.job_system.store
    with Receiver() as receiver:
        callback = {**callback_to(receiver), "events": ["batch.completed"]}
        batch = NewBatch(id=BATCH, tenant="lab", total=1, callback=callback)
        item = callback_system.job_system.new_submission(tenant="lab", batch_id=BATCH)
        step = Step(0, [(item, OperationLimits(10))])
        submit_step(store, batch, step, max_active=10, charge=None)
        cancel_batch(store, BATCH)
        callback_system.round(callback_system.dispatcher(receiver))

    (request,) = receiver.received
    said = verify(callback_system.secret("lab"), request)
    assert said["type"] == request.headers["ce-type"] == "batch.completed"
    assert (said["data"]["id"], said["data"]["status"]) == (BATCH, "completed")
    assert said["data"]["counts"]["cancelled"] == 1


def test_one_hanging_host_delays_no_other(callback_system: CallbackSystem) -> None:
    with Receiver(hanging) as stuck, Receiver() as swift:
        for _ in range(6):
            callback_system.job(stuck, "stuck.example")
        swift_jobs = [callback_system.job(swift, "swift.example") for _ in range(6)]
        dispatcher = callback_system.dispatcher(stuck, swift, deadline_s=15)
        dispatcher.start()

        swift.await_requests(6, timeout=5)
        eventually(
            lambda: (
                {callback_system.delivery(job_id).status for job_id in swift_jobs} == {"delivered"}
            ),
            what="all callbacks to the swift host are delivered",
        )

        eventually(
            lambda: dispatcher.under_way == PER_HOST, what="the hanging attempts alone go on"
        )
        assert stuck.connections == PER_HOST < THREADS


def test_a_few_hanging_hosts_delay_no_other(callback_system: CallbackSystem) -> None:
    with Receiver(hanging) as stuck, Receiver() as swift:
        for number in range(5):
            for _ in range(PER_HOST + 1):
                callback_system.job(stuck, f"stuck-{number}.example")
        job_id = callback_system.job(swift, "swift.example")
        dispatcher = callback_system.dispatcher(stuck, swift, deadline_s=15)
        dispatcher.start()

        swift.await_requests(1, timeout=5)
        eventually(
            lambda: callback_system.delivery(job_id).status == "delivered",
            what="the callback is delivered",
        )


def test_a_stopping_dispatcher_claims_no_more_and_ends_its_attempts(
    callback_system: CallbackSystem,
) -> None:
    let_go = threading.Event()

    def slow(connection: Connection) -> None:
        let_go.wait(10)
        answering()(connection)

    with Receiver(slow) as receiver:
        job_id = callback_system.job(receiver)
        dispatcher = callback_system.dispatcher(receiver)
        dispatcher.tick()
        receiver.await_requests(1)
        dispatcher.stop()
        callback_system.job(receiver)
        dispatcher.tick()
        let_go.set()
        dispatcher.close(5)

    assert callback_system.delivery(job_id).status == "delivered"
    assert receiver.connections == 1


@pytest.mark.alone
def test_a_stop_waits_briefly_and_leaves_the_attempt_to_its_lease(
    callback_system: CallbackSystem,
) -> None:
    with Receiver(hanging, answering()) as receiver:
        job_id = callback_system.job(receiver)
        dispatcher = callback_system.dispatcher(receiver, deadline_s=60)
        dispatcher.start()
        receiver.await_requests(1)

        began = time.monotonic()
        dispatcher.close(0.5)
        took = time.monotonic() - began

        following = callback_system.dispatcher(receiver)
        callback_system.round(following)
        under_lease = len(receiver.received)
        callback_system.job_system.pass_time(LEASE_MS)
        callback_system.round(following)

    first, second = receiver.received
    assert took < 2
    assert under_lease == 1
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    verify(callback_system.secret(), second)
    assert callback_system.delivery(job_id).status == "delivered"


def test_an_outcome_that_redis_missed_is_recorded_once_it_is_back(
    callback_system: CallbackSystem,
) -> None:
    def answering_while_redis_goes(connection: Connection) -> None:
        callback_system.server.connected = False
        answering()(connection)

    with Receiver(answering_while_redis_goes) as receiver:
        job_id = callback_system.job(receiver)
        dispatcher = callback_system.dispatcher(receiver)
        dispatcher.tick()
        receiver.await_requests(1)
        eventually(lambda: not receiver.busy, what="the receiver has answered")
        callback_system.server.connected = True
        eventually(lambda: not dispatcher.under_way, what="the attempt is settled")

    assert receiver.connections == 1
    assert callback_system.delivery(job_id).status == "delivered"


def test_an_unrecorded_delivery_is_repeated_with_the_same_id(
    callback_system: CallbackSystem,
) -> None:
    def answering_while_redis_goes(connection: Connection) -> None:
        callback_system.server.connected = False
        answering()(connection)

    with Receiver(answering_while_redis_goes, answering()) as receiver:
        job_id = callback_system.job(receiver)
        dispatcher = callback_system.dispatcher(receiver)
        dispatcher.tick()
        receiver.await_requests(1)
        eventually(lambda: not receiver.busy, what="the receiver has answered")
        dispatcher.close(5)
        callback_system.server.connected = True
        callback_system.job_system.pass_time(LEASE_MS)
        callback_system.round(callback_system.dispatcher(receiver))

    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert callback_system.delivery(job_id).status == "delivered"


def test_a_purged_event_is_not_sent(callback_system: CallbackSystem) -> None:
    with Receiver() as receiver:
        job_id = callback_system.job(receiver)
        dispatcher = callback_system.dispatcher(receiver, render=lambda _: None)
        callback_system.round(dispatcher)
        purged = callback_system.job(receiver)
        purge(callback_system.job_system.store, purged)
        callback_system.round(dispatcher)

    assert receiver.connections == 0
    assert callback_system.delivery(job_id).status == "failed"


def test_a_dispatcher_that_lost_its_lease_sends_nothing(
    callback_system: CallbackSystem,
) -> None:
    def slow(delivery: WebhookDelivery) -> bytes | None:
        callback_system.job_system.pass_time(LEASE_MS)
        callback_system.round(following)
        return callback_system.bodies(delivery)

    with Receiver() as receiver:
        job_id = callback_system.job(receiver)
        following = callback_system.dispatcher(receiver)
        callback_system.round(callback_system.dispatcher(receiver, render=slow))

    assert receiver.connections == 1
    assert callback_system.delivery(job_id).status == "delivered"


def test_an_attempt_that_fails_locally_counts_and_reveals_nothing(
    callback_system: CallbackSystem,
) -> None:
    def broken(delivery: WebhookDelivery) -> bytes:
        raise RuntimeError(delivery.url)

    with Receiver() as receiver, capture_logs() as lines:
        job_id = callback_system.job(receiver)
        callback_system.round(callback_system.dispatcher(receiver, render=broken))

    delivery = callback_system.delivery(job_id)
    assert (delivery.status, delivery.attempts) == ("pending", 1)
    assert [line for line in lines if line["event"] == "webhook_failed"]
    assert "hush" not in repr(lines)


def test_secrets_and_addresses_are_in_no_log_and_no_secret_is_in_redis(
    callback_system: CallbackSystem, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with Receiver(answering(500), answering()) as receiver:
        with capture_logs() as lines:
            callback_system.job(receiver)
            dispatcher = callback_system.dispatcher(receiver)
            callback_system.round(dispatcher)
            callback_system.job_system.pass_time(HOUR_MS)
            callback_system.round(dispatcher)
        secret = callback_system.secret()

    written = f"{lines} {caplog.text} {caplog.records}"
    kept = _everything_in(callback_system)
    assert [line["outcome"] for line in lines] == ["again", "delivered"]
    assert lines[0]["host"] == "hooks.example"
    assert (lines[0]["code"], lines[0]["attempts"]) == (500, 1)
    for hidden in ("hush", secret, secret.removeprefix("whsec_"), SIGNING_KEY.get_secret_value()):
        assert hidden not in written
    for hidden in (secret.removeprefix("whsec_"), SIGNING_KEY.get_secret_value()):
        assert hidden not in kept
    assert SIGNING_KEY.get_secret_value() not in repr(vars(callback_system.secrets))


def _everything_in(callback_system: CallbackSystem) -> str:
    redis = callback_system.job_system.redis
    found = []
    for key in redis.scan_iter():
        kind = redis.type(key)
        if kind == b"hash":
            found.append(redis.hgetall(key))
        elif kind == b"list":
            found.append(redis.lrange(key, 0, -1))
        elif kind in (b"set", b"zset"):
            found.append(redis.smembers(key) if kind == b"set" else redis.zrange(key, 0, -1))
        else:
            found.append(redis.get(key))
    return repr(found)


def test_a_delivery_does_not_show_its_url(callback_system: CallbackSystem) -> None:
    with Receiver() as receiver:
        callback_system.job(receiver)

        (delivery,) = take(callback_system.job_system)

    assert "hush" in delivery.url
    assert "hush" not in repr(delivery)
