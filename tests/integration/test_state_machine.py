"""The invariants hold and every job ends, whatever clients, workers and brokers do."""

import pytest
from fakeredis import FakeRedis, FakeServer
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

from tests.machine import Callboard


def _drive(client: Redis, *, examples: int, steps: int) -> None:
    try:
        run_state_machine_as_test(
            lambda: Callboard(client),  # type: ignore[arg-type]  # called to make one, no more
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        client.flushall()


def _examples(config: pytest.Config, usual: int) -> int:
    """`--examples` sets the depth of the search."""
    chosen: int | None = config.getoption("--examples", default=None)
    return chosen or usual


@pytest.mark.timeout(900)
def test_every_job_ends_and_the_invariants_hold_on_fakeredis(
    request: pytest.FixtureRequest,
) -> None:
    client = FakeRedis(server=FakeServer(version=(7, 2)), protocol=2)

    _drive(client, examples=_examples(request.config, 100), steps=40)


@pytest.mark.timeout(900)
def test_every_job_ends_and_the_invariants_hold_on_redis(
    redis: Redis, request: pytest.FixtureRequest
) -> None:
    _drive(redis, examples=_examples(request.config, 250), steps=50)
