"""Callbacks are signed, sent, sent again with the same id, and settled, whatever breaks."""

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
from callboard.jobs.callbacks.deliver import LEASE, WebhookDelivery
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.log import LogLine, read_log
from callboard.jobs.purge import purge, purge_expired
from tests.delivery_moves import take
from tests.eventually import eventually
from tests.logs import capture_logs
from tests.office import SIGNING_KEY, Office, callback_to, verify
from tests.receiver import Connection, Receiver, answering, hanging

HOUR_MS = 3_600_000
BATCH = "0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77"
LEASE_MS = LEASE // timedelta(milliseconds=1)


@pytest.fixture
def office() -> Iterator[Office]:
    opened = Office()
    yield opened
    opened.close()


def test_a_callback_is_signed_and_says_what_became_of_the_job(office: Office) -> None:
    with Receiver() as receiver:
        job_id = office.job(
            receiver, tenant="lab", request_id="r-1", traceparent=f"00-{'1' * 32}-{'2' * 16}-01"
        )
        office.round(office.dispatcher(receiver))

    (request,) = receiver.received
    said = verify(office.secret("lab"), request)
    data = said.pop("data")
    delivery = office.delivery(job_id)
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
def test_a_signature_holds_for_nothing_else(office: Office, wrong: str) -> None:
    with Receiver() as receiver:
        office.job(receiver)
        office.round(office.dispatcher(receiver))
    (request,) = receiver.received
    secret = office.secret("other" if wrong == "tenant" else "default")
    headers = dict(request.headers)
    if wrong == "id":
        headers["webhook-id"] += "x"
    if wrong == "timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    body = request.body + b" " if wrong == "body" else request.body

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body, headers)


def test_a_receiver_that_failed_gets_the_same_bytes_under_the_same_id(office: Office) -> None:
    with Receiver(answering(500), answering(204)) as receiver:
        job_id = office.job(receiver, result_ttl=timedelta(hours=1))
        dispatcher = office.dispatcher(receiver)
        office.round(dispatcher)
        waiting = office.delivery(job_id)
        log = " ".join(line.text for line in _log(office, job_id))
        office.round(dispatcher)
        requests_at_once = len(receiver.received)
        office.world.pass_time(HOUR_MS)
        purged = purge_expired(office.world.store)
        office.round(dispatcher)

    first, second = receiver.received
    assert (waiting.status, waiting.attempts) == ("pending", 1)
    assert (requests_at_once, purged) == (1, 1)
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    verify(office.secret(), second)
    assert "hooks.example" in log
    assert "hush" not in log


def _log(office: Office, job_id: str) -> list[LogLine]:
    return list(read_log(office.world.store, job_id, after=0, most=100).lines)


def test_a_receiver_that_says_gone_is_left_alone(office: Office) -> None:
    with Receiver(answering(410)) as receiver:
        job_id = office.job(receiver)
        dispatcher = office.dispatcher(receiver)
        office.round(dispatcher)
        office.world.pass_time(HOUR_MS)
        office.round(dispatcher)

    assert len(receiver.received) == 1
    assert office.delivery(job_id).status == "stopped"


def test_retry_after_puts_the_next_attempt_off(office: Office) -> None:
    with Receiver(answering(429, "Retry-After: 600")) as receiver:
        job_id = office.job(receiver)
        office.round(office.dispatcher(receiver))

    delivery = office.delivery(job_id)
    assert delivery.next_at is not None
    assert delivery.next_at.timestamp() * 1000 == office.world.now_ms + 600_000


def test_after_the_last_retry_it_has_failed(office: Office) -> None:
    with Receiver(answering(500)) as receiver:
        job_id = office.job(receiver)
        dispatcher = office.dispatcher(receiver)
        for _ in range(5):
            office.round(dispatcher)
            office.world.pass_time(HOUR_MS)

    assert len(receiver.received) == 3
    assert office.delivery(job_id).status == "failed"


@pytest.mark.parametrize(("length", "shown"), [(MAX_RESULT_BYTES - 10, True), (20_000, False)])
def test_a_small_result_goes_along_and_a_large_one_does_not(
    office: Office, length: int, shown: bool
) -> None:
    with Receiver() as receiver:
        fence = office.world.running(callback=callback_to(receiver))
        finish(office.world.store, fence, encode_result("x" * length, max_bytes=30_000))
        office.round(office.dispatcher(receiver))

    data = verify(office.secret(), receiver.received[0])["data"]
    assert (data["result"] is not None) is shown
    assert data["links"]["result"].endswith(f"/v1/jobs/{fence.job_id}/result")


def test_a_batch_says_that_it_has_completed(office: Office) -> None:
    store = office.world.store
    with Receiver() as receiver:
        callback = {**callback_to(receiver), "events": ["batch.completed"]}
        batch = NewBatch(id=BATCH, tenant="lab", total=1, callback=callback)
        item = office.world.new_submission(tenant="lab", batch_id=BATCH)
        submit_step(store, batch, Step(0, [(item, 10)]), max_active=10, charge=None)
        cancel_batch(store, BATCH)
        office.round(office.dispatcher(receiver))

    (request,) = receiver.received
    said = verify(office.secret("lab"), request)
    assert said["type"] == request.headers["ce-type"] == "batch.completed"
    assert (said["data"]["id"], said["data"]["status"]) == (BATCH, "completed")
    assert said["data"]["counts"]["cancelled"] == 1


def test_one_host_that_hangs_keeps_no_other_waiting(office: Office) -> None:
    with Receiver(hanging) as stuck, Receiver() as swift:
        for _ in range(6):
            office.job(stuck, "stuck.example")
        swift_jobs = [office.job(swift, "swift.example") for _ in range(6)]
        dispatcher = office.dispatcher(stuck, swift, deadline_s=15)
        dispatcher.start()

        swift.await_requests(6, timeout=5)
        eventually(
            lambda: {office.delivery(job_id).status for job_id in swift_jobs} == {"delivered"},
            what="all callbacks to the swift host are delivered",
        )

        eventually(
            lambda: dispatcher.under_way == PER_HOST, what="the hanging attempts alone go on"
        )
        assert stuck.connections == PER_HOST < THREADS


def test_a_few_hosts_that_hang_keep_no_other_waiting(office: Office) -> None:
    with Receiver(hanging) as stuck, Receiver() as swift:
        for number in range(5):
            for _ in range(PER_HOST + 1):
                office.job(stuck, f"stuck-{number}.example")
        job_id = office.job(swift, "swift.example")
        dispatcher = office.dispatcher(stuck, swift, deadline_s=15)
        dispatcher.start()

        swift.await_requests(1, timeout=5)
        eventually(
            lambda: office.delivery(job_id).status == "delivered", what="the callback is delivered"
        )


def test_a_courier_that_stops_takes_no_more_and_ends_what_it_has(office: Office) -> None:
    let_go = threading.Event()

    def slow(connection: Connection) -> None:
        let_go.wait(10)
        answering()(connection)

    with Receiver(slow) as receiver:
        job_id = office.job(receiver)
        dispatcher = office.dispatcher(receiver)
        dispatcher.tick()
        receiver.await_requests(1)
        dispatcher.stop()
        office.job(receiver)
        dispatcher.tick()
        let_go.set()
        dispatcher.close(5)

    assert office.delivery(job_id).status == "delivered"
    assert receiver.connections == 1


@pytest.mark.alone
def test_stopping_waits_a_moment_and_leaves_the_attempt_to_its_lease(office: Office) -> None:
    with Receiver(hanging, answering()) as receiver:
        job_id = office.job(receiver)
        dispatcher = office.dispatcher(receiver, deadline_s=60)
        dispatcher.start()
        receiver.await_requests(1)

        began = time.monotonic()
        dispatcher.close(0.5)
        took = time.monotonic() - began

        following = office.dispatcher(receiver)
        office.round(following)
        under_lease = len(receiver.received)
        office.world.pass_time(LEASE_MS)
        office.round(following)

    first, second = receiver.received
    assert took < 2
    assert under_lease == 1
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    verify(office.secret(), second)
    assert office.delivery(job_id).status == "delivered"


def test_what_redis_did_not_hear_is_settled_once_it_is_back(office: Office) -> None:
    def answering_while_redis_goes(connection: Connection) -> None:
        office.server.connected = False
        answering()(connection)

    with Receiver(answering_while_redis_goes) as receiver:
        job_id = office.job(receiver)
        dispatcher = office.dispatcher(receiver)
        dispatcher.tick()
        receiver.await_requests(1)
        eventually(lambda: not receiver.busy, what="the receiver has answered")
        office.server.connected = True
        eventually(lambda: not dispatcher.under_way, what="the attempt is settled")

    assert receiver.connections == 1
    assert office.delivery(job_id).status == "delivered"


def test_what_redis_never_hears_of_is_delivered_again_with_the_same_id(office: Office) -> None:
    def answering_while_redis_goes(connection: Connection) -> None:
        office.server.connected = False
        answering()(connection)

    with Receiver(answering_while_redis_goes, answering()) as receiver:
        job_id = office.job(receiver)
        dispatcher = office.dispatcher(receiver)
        dispatcher.tick()
        receiver.await_requests(1)
        eventually(lambda: not receiver.busy, what="the receiver has answered")
        dispatcher.close(5)
        office.server.connected = True
        office.world.pass_time(LEASE_MS)
        office.round(office.dispatcher(receiver))

    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert office.delivery(job_id).status == "delivered"


def test_nothing_is_sent_of_what_is_gone(office: Office) -> None:
    with Receiver() as receiver:
        job_id = office.job(receiver)
        dispatcher = office.dispatcher(receiver, render=lambda _: None)
        office.round(dispatcher)
        purged = office.job(receiver)
        purge(office.world.store, purged)
        office.round(dispatcher)

    assert receiver.connections == 0
    assert office.delivery(job_id).status == "failed"


def test_nothing_is_sent_by_one_whose_lease_went_to_another(office: Office) -> None:
    def slow(delivery: WebhookDelivery) -> bytes | None:
        office.world.pass_time(LEASE_MS)
        office.round(following)
        return office.bodies(delivery)

    with Receiver() as receiver:
        job_id = office.job(receiver)
        following = office.dispatcher(receiver)
        office.round(office.dispatcher(receiver, render=slow))

    assert receiver.connections == 1
    assert office.delivery(job_id).status == "delivered"


def test_an_attempt_that_cannot_be_made_counts_and_quotes_nothing(office: Office) -> None:
    def broken(delivery: WebhookDelivery) -> bytes:
        raise RuntimeError(delivery.url)

    with Receiver() as receiver, capture_logs() as lines:
        job_id = office.job(receiver)
        office.round(office.dispatcher(receiver, render=broken))

    delivery = office.delivery(job_id)
    assert (delivery.status, delivery.attempts) == ("pending", 1)
    assert [line for line in lines if line["event"] == "webhook_failed"]
    assert "hush" not in repr(lines)


def test_secrets_and_addresses_are_in_no_log_and_no_secret_is_in_redis(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with Receiver(answering(500), answering()) as receiver:
        with capture_logs() as lines:
            office.job(receiver)
            dispatcher = office.dispatcher(receiver)
            office.round(dispatcher)
            office.world.pass_time(HOUR_MS)
            office.round(dispatcher)
        secret = office.secret()

    written = f"{lines} {caplog.text} {caplog.records}"
    kept = _everything_in(office)
    assert [line["outcome"] for line in lines] == ["again", "delivered"]
    assert lines[0]["host"] == "hooks.example"
    assert (lines[0]["code"], lines[0]["attempts"]) == (500, 1)
    for hidden in ("hush", secret, secret.removeprefix("whsec_"), SIGNING_KEY.get_secret_value()):
        assert hidden not in written
    for hidden in (secret.removeprefix("whsec_"), SIGNING_KEY.get_secret_value()):
        assert hidden not in kept
    assert SIGNING_KEY.get_secret_value() not in repr(vars(office.secrets))


def _everything_in(office: Office) -> str:
    redis = office.world.redis
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


def test_a_delivery_does_not_show_where_it_goes(office: Office) -> None:
    with Receiver() as receiver:
        office.job(receiver)

        (delivery,) = take(office.world)

    assert "hush" in delivery.url
    assert "hush" not in repr(delivery)
