"""Workers serve chosen queues, so that a flood in one leaves the others' waiting time alone."""

from datetime import datetime
from typing import Any

import pytest

from tests.eventually import eventually
from tests.system.stack import Stack

OPERATIONS = "tests.lane_operations"
LANES = ("interactive", "maintenance")
FLOOD = 60
SOON_S = 1.0


def waited_s(job: Any) -> float:
    started, created = (datetime.fromisoformat(job[at]) for at in ("started_at", "created_at"))
    return (started - created).total_seconds()


@pytest.mark.alone
def test_a_flood_in_one_lane_does_not_delay_the_other(stack: Stack) -> None:
    stack.start(workers=0, CALLBOARD_OPERATIONS=OPERATIONS)
    for lane in LANES:
        stack.worker(CALLBOARD_OPERATIONS=OPERATIONS, CALLBOARD_QUEUES=lane, CALLBOARD_THREADS="1")
    stack.await_workers(2)
    with stack.client() as client:
        flood = [client.submit("tidy", {"number": each})["id"] for each in range(FLOOD)]

        asked = [client.wait(client.submit("ask", {"number": each})["id"]) for each in range(10)]

        left = sum(client.job(each)["status"] == "queued" for each in flood)
    assert max(map(waited_s, asked)) < SOON_S
    assert left > 10


def test_a_worker_with_a_queue_without_operations_reports_it_and_exits(stack: Stack) -> None:
    stack.start(workers=0, CALLBOARD_OPERATIONS=OPERATIONS)

    worker = stack.worker(CALLBOARD_OPERATIONS=OPERATIONS, CALLBOARD_QUEUES="interactif")

    eventually(
        lambda: b"no operation has the queue 'interactif'" in worker.log.read_bytes(),
        what="the worker says which queue there is not",
        timeout=30,
    )
