"""A better-ranked job waits behind worse ones only until a thread is free."""

from datetime import datetime
from typing import Any

import pytest

from tests.eventually import eventually
from tests.system.stack import Stack
from tests.system.test_limits import NARROW, blocked, command, occupants, submit_many

BOUND_S = 1.0


@pytest.mark.alone
def test_an_urgent_job_starts_before_a_backlog_with_fresh_reservations(
    stack: Stack,
) -> None:
    stack.start(workers=1, CALLBOARD_THREADS="4")
    assert command(stack, "limit", NARROW, "8") == 0

    with stack.client() as client:
        assert command(stack, "pause", "narrow") == 0
        submit_many(client, "narrow", 60, seconds=0.7)
        eventually(lambda: blocked(stack, NARROW) == 60, what="all wait at the paused operation")
        assert command(stack, "resume", "narrow") == 0
        eventually(lambda: occupants(stack, NARROW) == 4, what="all threads are taken")
        waits_s = [
            started_after_s(client.wait(client.submit("echo", {}, priority=10)["id"], timeout=20))
            for _ in range(3)
        ]

        assert max(waits_s) < BOUND_S
        assert blocked(stack, NARROW) > 20
        assert reservations(stack) <= 5


def started_after_s(job: dict[str, Any]) -> float:
    """Return how long a job waited for its first run."""
    created, started = (datetime.fromisoformat(job[name]) for name in ("created_at", "started_at"))
    return (started - created).total_seconds()


def reservations(stack: Stack) -> int:
    """Count the jobs with unclaimed reservations."""
    return stack.store.redis.zcard(stack.store.keys("reservations"))
