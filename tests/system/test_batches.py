"""Batches on the whole installation: how fast they are, and a web process that dies in one."""

import asyncio
from typing import Any

import httpx
import pytest

from bench.batches import forget_jobs, submit_batch, submit_singles
from callboard.jobs.batches.submit import STEP
from tests.eventually import eventually
from tests.system.stack import BOOT_SECONDS, Stack

ITEMS = 1000
KEY = {"Idempotency-Key": '"import-7"'}
REPEATS = 20


@pytest.mark.alone
def test_a_batch_takes_less_than_an_eighth_of_the_time_of_single_submissions(
    stack: Stack,
) -> None:
    stack.start(workers=0)
    submit_batch(stack, STEP)

    # The best of several rounds, because other load slows down both.
    batch, singles = [], []
    for _ in range(3):
        batch.append(submit_batch(stack, ITEMS))
        singles.append(submit_singles(stack, ITEMS // 4) * 4)
        forget_jobs(stack)

    assert min(batch) < min(singles) / 8, f"a batch {batch} s, singles {singles} s"


def test_a_repeat_completes_a_batch_whose_web_process_died(
    stack: Stack,
) -> None:
    broken = stack.web(CALLBOARD_FAULT_POINTS="between-record-and-publish", CALLBOARD_TESTING="1")
    eventually(stack.ready, what="web is ready", timeout=BOOT_SECONDS)
    body = {"items": [_item(number) for number in range(STEP + 20)]}
    with pytest.raises(httpx.TransportError):
        _sender(stack, body)
    broken.end()
    stack.start(workers=1)

    answers = asyncio.run(_post_at_once(stack, body))

    (batch_id,) = {each.json()["id"] for each in answers}
    (job_ids,) = {tuple(item["job"]["id"] for item in each.json()["items"]) for each in answers}
    assert {each.status_code for each in answers} <= {202, 200}  # 200: its last job has ended
    assert {each.headers["Idempotency-Replayed"] for each in answers} == {"true"}
    eventually(
        lambda: _look(stack, batch_id)["status"] == "completed",
        what="the batch has completed",
        timeout=30,
    )
    counts = {name: count for name, count in _look(stack, batch_id)["counts"].items() if count}
    assert counts == {"succeeded": STEP + 20}
    assert len(set(job_ids)) == STEP + 20
    attempts = [
        stack.store.redis.hget(stack.store.keys("job", each), "attempt") for each in job_ids
    ]
    assert set(attempts) == {b"1"}


def _item(number: int) -> dict[str, Any]:
    return {"operation": "echo", "params": {"text": str(number)}}


def _sender(stack: Stack, body: Any) -> httpx.Response:
    return httpx.post(f"{stack.url}/v1/batches", json=body, headers=KEY, timeout=30)


def _look(stack: Stack, batch_id: str) -> Any:
    return httpx.get(f"{stack.url}/v1/batches/{batch_id}", timeout=30).json()


async def _post_at_once(stack: Stack, body: Any) -> list[httpx.Response]:
    async with httpx.AsyncClient(timeout=60) as client:
        posts = (
            client.post(f"{stack.url}/v1/batches", json=body, headers=KEY) for _ in range(REPEATS)
        )
        return await asyncio.gather(*posts)
