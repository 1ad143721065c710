"""A Redis that answers, but refuses writes for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from callboard.jobs.errors import StoreUnavailable
from callboard.jobs.finish import encode_result, finish
from callboard.jobs.renew import renew
from tests.job_system import LEASE, JobSystem

SUCCESS = encode_result(1, max_bytes=100)


@contextmanager
def lacking_replicas(redis: Redis) -> Iterator[None]:
    """Let Redis refuse writes, like a master cut off from its replicas."""
    redis.config_set("min-replicas-to-write", 1)
    try:
        yield
    finally:
        redis.config_set("min-replicas-to-write", 0)


def test_a_redis_without_its_replicas_is_unavailable_until_they_return(redis: Redis) -> None:
    job_system = JobSystem(redis)
    fence = job_system.running()

    with lacking_replicas(redis):
        with pytest.raises(StoreUnavailable):
            finish(job_system.store, fence, SUCCESS)
        with pytest.raises(StoreUnavailable):
            renew(job_system.store, [fence], lease=LEASE)
        with pytest.raises(StoreUnavailable):
            job_system.store.pipeline(("SET", "key", "value"))

    assert finish(job_system.store, fence, SUCCESS) == "finished"
