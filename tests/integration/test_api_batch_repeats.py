"""Batches that are repeated, at once or after a process died, and sealed batches."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from falcon import testing

from callboard.api.app import create_app
from callboard.jobs.batches.batch import seal_batches
from callboard.jobs.batches.submit import STEP, NewBatch, Step, submit_step
from callboard.jobs.ids import new_job_id
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.submission import Submission
from tests.api_app import JSON, ApiApp
from tests.batch_requests import URL, adds, post, statuses


def test_a_key_creates_one_batch_and_refuses_another_payload(api_app: ApiApp) -> None:
    items = [*adds(3), {"operation": "nowhere", "params": {}}]

    first, again = post(api_app, items, key="k"), post(api_app, items, key='"k"')
    other, single = (
        post(api_app, adds(3), key="k"),
        api_app.submit(headers={"Idempotency-Key": "k"}),
    )

    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.status_code == 202
    assert again.headers["Location"] == first.headers["Location"]
    assert _without_request(again) == _without_request(first)
    assert (other.status_code, single.status_code) == (422, 422)
    assert other.json["type"].endswith("/problems/idempotency-mismatch")
    assert len(api_app.publisher.published) == 3


def _without_request(answer: testing.Result) -> Any:
    text = answer.text.replace(answer.headers["X-Request-ID"], "")
    return json.loads(text)


def test_a_repeat_whose_batch_is_gone_is_told_so(api_app: ApiApp) -> None:
    made = post(api_app, adds(1), key="k").json
    api_app.http.simulate_delete(f"{URL}/{made['id']}")
    api_app.http.simulate_delete(f"/v1/jobs/{made['items'][0]['job']['id']}?purge=true")

    answer = post(api_app, adds(1), key="k")

    assert answer.status_code == 410
    assert answer.json["type"].endswith("/problems/batch-gone")


def _left_behind(api_app: ApiApp, items: Sequence[Any]) -> str:
    """Behave as if the process died after the first step of a batch."""
    (whole,) = (post(api_app, items, key="k"),)
    batch_id: str = whole.json["id"]
    keys, redis = api_app.store.keys, api_app.store.redis
    for each in whole.json["items"][STEP:]:
        api_app.http.simulate_delete(f"/v1/jobs/{each['job']['id']}")
        api_app.http.simulate_delete(f"/v1/jobs/{each['job']['id']}?purge=true")
    redis.ltrim(keys("batch_items", batch_id), 0, STEP - 1)
    redis.hdel(keys("batch", batch_id), "sealed", "removed", "expires_ms")
    redis.zadd(keys("unsealed"), {batch_id: 0})
    api_app.publisher.published.clear()
    return batch_id


def test_a_repeat_continues_a_batch_that_a_process_left(api_app: ApiApp) -> None:
    items = adds(2 * STEP + 5)
    batch_id = _left_behind(api_app, items)
    before = api_app.http.simulate_get(f"{URL}/{batch_id}").json

    answer = post(api_app, items, key="k")

    assert (before["status"], before["counts"]["queued"]) == ("submitting", STEP)
    assert answer.json["id"] == batch_id
    assert statuses(answer) == ["accepted"] * (2 * STEP + 5)
    assert (answer.json["status"], answer.json["counts"]["queued"]) == ("active", 2 * STEP + 5)
    assert len(api_app.publisher.published) == STEP + 5


def test_a_repeat_after_the_seal_refuses_the_remaining_items(api_app: ApiApp) -> None:
    items = adds(STEP + 2)
    batch_id = _left_behind(api_app, items)
    seal_batches(api_app.store)

    answer = post(api_app, items, key="k")

    assert answer.json["id"] == batch_id
    assert statuses(answer) == ["accepted"] * STEP + ["refused"] * 2
    assert answer.json["items"][-1]["problem"]["type"].endswith("/problems/batch-closed")
    assert answer.json["counts"]["refused"] == 2


def test_concurrent_equal_requests_create_one_batch_and_each_job_once(
    api_app: ApiApp,
) -> None:
    items = adds(2 * STEP)
    answers: list[testing.Result] = []
    begin = threading.Barrier(20)

    def send() -> None:
        begin.wait()
        answers.append(post(api_app, items, key="k"))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    ids = {tuple(item["job"]["id"] for item in each.json["items"]) for each in answers}
    assert {each.status_code for each in answers} == {202}
    assert len({each.json["id"] for each in answers}) == 1
    assert len(ids) == 1
    published = [each.submission.job_id for each in api_app.publisher.published]
    assert sorted(published) == sorted(*ids)
    assert api_app.store.redis.zcard(api_app.store.keys("active")) == 2 * STEP
    assert sum("Idempotency-Replayed" not in each.headers for each in answers) == 1


def test_items_after_a_cancel_are_refused(api_app: ApiApp) -> None:
    items = adds(STEP + 1)
    batch_id = _left_behind(api_app, items)
    api_app.http.simulate_delete(f"{URL}/{batch_id}")

    answer = post(api_app, items, key="k")

    assert statuses(answer)[-1] == "refused"
    told = {name: count for name, count in answer.json["counts"].items() if count}
    assert told == {"cancelled": STEP, "refused": 1}


def test_a_step_of_another_size_continues_the_batch_at_its_end(api_app: ApiApp) -> None:
    batch = NewBatch(id=new_job_id(), tenant="default", total=4)

    def step(first: int, count: int) -> int:
        items = [
            (
                Submission(job_id=new_job_id(), operation="add", params={}, batch_id=batch.id),
                OperationLimits(10),
            )
            for _ in range(count)
        ]
        decided = submit_step(api_app.store, batch, Step(first, items), max_active=10, charge=None)
        return len(decided.outcomes)

    assert [step(0, 3), step(0, 2), step(2, 2), step(3, 2)] == [3, 2, 1, 2]


def test_large_batches_take_turns_and_small_ones_do_not_wait_for_them() -> None:
    api_app = ApiApp(max_body_bytes=36_000, max_batch_bytes=1_000_000)
    let_go, begun = threading.Event(), threading.Semaphore(0)

    def offload(parse: Callable[[], Any], /) -> Any:
        begun.release()
        let_go.wait(10)
        return parse()

    slow = testing.TestClient(create_app(replace(api_app.services, compute=offload)))
    large = [threading.Thread(target=_post_adds, args=(slow, 50, 60_000)) for _ in range(3)]
    for thread in large:
        thread.start()
    first_begins, second_begins = begun.acquire(timeout=10), begun.acquire(timeout=0.3)
    small = threading.Thread(target=_post_adds, args=(slow, 1, 34_000))
    small.start()
    small_begins = begun.acquire(timeout=10)
    let_go.set()
    for thread in [*large, small]:
        thread.join(20)

    assert (first_begins, second_begins, small_begins) == (True, False, True)
    assert api_app.store.redis.zcard(api_app.store.keys("active")) == 151
    api_app.close()


def _post_adds(client: testing.TestClient, count: int, size: int) -> None:
    body = json.dumps({"items": adds(count)}).ljust(size)
    client.simulate_post(URL, body=body, headers={"Content-Type": JSON})
