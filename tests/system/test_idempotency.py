"""Many concurrent equal requests."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.system.stack import Stack

REQUESTS = 200
KEY = {"Idempotency-Key": '"order-4711"'}


def test_200_concurrent_requests_with_one_key_create_one_job_and_get_one_answer(
    stack: Stack,
) -> None:
    stack.start(workers=0, CALLBOARD_WEB_CONCURRENCY="2")
    body = {"operation": "echo", "params": {"text": "once"}, "delay_seconds": 3600}

    answers = asyncio.run(post_at_once(f"{stack.url}/v1/jobs", body))

    (first,) = (each for each in answers if "Idempotency-Replayed" not in each.headers)
    assert first.status_code == 202
    assert {each.status_code for each in answers} == {202}
    assert {each.headers["Location"] for each in answers} == {first.json()["links"]["self"]}
    assert all(each.json() == first.json() for each in answers)
    assert stack.store.redis.zcard(stack.store.keys("active")) == 1


def test_one_of_thirty_equal_unique_submissions_creates_a_job(stack: Stack) -> None:
    stack.start(workers=1)
    body = {"operation": "single", "params": {"number": 7, "seconds": 3}}

    def submit(_index: int) -> httpx.Response:
        return httpx.post(f"{stack.url}/v1/jobs", json=body, timeout=20)

    with ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(submit, range(30)))

    accepted = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 409]
    assert (len(accepted), len(refused)) == (1, 29)
    assert {answer.headers["Location"] for answer in refused} == {accepted[0].headers["Location"]}


async def post_at_once(url: str, body: object) -> list[httpx.Response]:
    """Send equal requests on separate connections."""
    limits = httpx.Limits(max_connections=REQUESTS)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client:
        posts = (client.post(url, json=body, headers=KEY) for _ in range(REQUESTS))
        return await asyncio.gather(*posts)
