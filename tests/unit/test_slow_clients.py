"""A client may keep a server waiting only while bytes arrive."""

from contextlib import ExitStack

import pytest

from callboard.ops.servers.slow_clients import (
    CROWDED_PATIENCE_S,
    PATIENCE_S,
    Allowance,
    SlowBodies,
)

pytestmark = pytest.mark.check


def test_a_client_that_sends_nothing_uses_up_its_time() -> None:
    allowance = Allowance(patience_s=30, rate=1000)

    allowance.count(waited_s=29, moved=0)
    still = allowance.is_spent
    allowance.count(waited_s=2, moved=0)

    assert (still, allowance.is_spent) == (False, True)


def test_a_byte_now_and_then_is_not_enough() -> None:
    allowance = Allowance(patience_s=30, rate=1000)

    times = 0
    while not allowance.is_spent:
        allowance.count(waited_s=20, moved=1)
        times += 1

    assert times == 2


def test_a_client_that_sends_at_the_rate_may_continue_forever() -> None:
    allowance = Allowance(patience_s=30, rate=1000)

    for _ in range(10_000):
        allowance.count(waited_s=10, moved=10_000)

    assert not allowance.is_spent


def test_a_burst_does_not_allow_a_long_pause() -> None:
    allowance = Allowance(patience_s=30, rate=1000)

    allowance.count(waited_s=0, moved=16 * 1024**2)
    allowance.count(waited_s=31, moved=0)

    assert allowance.is_spent


def test_the_more_bodies_are_pending_the_less_time_each_has() -> None:
    bodies = SlowBodies(2)
    seen = []

    with ExitStack() as waiting:
        for _ in range(3):
            waiting.enter_context(bodies.wait())
            seen.append(bodies.patience_s)

    assert [*seen, bodies.patience_s] == [PATIENCE_S, PATIENCE_S, CROWDED_PATIENCE_S, PATIENCE_S]


def test_a_shorter_time_applies_from_the_start() -> None:
    allowance = Allowance(patience_s=30, rate=1000)

    allowance.count(waited_s=0.4, moved=1)

    assert 0 < allowance.left_within(1) < 0.7
    assert 29 < allowance.left_within(60) < 30
    allowance.count(waited_s=0.7, moved=1)
    assert allowance.left_within(1) < 0 < allowance.left_s
