"""The required configuration of Redis, and what strict durability waits for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from callboard.config import Rate
from callboard.jobs.batches.submit import NewBatch, Step, submit_step
from callboard.jobs.errors import StoreUnavailable, StoreUnfit
from callboard.jobs.ids import new_job_id
from callboard.jobs.operation_limits import OperationLimits
from callboard.jobs.rate import count_request
from callboard.jobs.rate_quota import Charge
from callboard.jobs.read import read
from callboard.jobs.redis_checks import check_redis
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission
from callboard.jobs.submit import submit
from tests.eventually import eventually
from tests.servers import RedisServer, free_port


@contextmanager
def redis_with(folder: Path, options: Mapping[str, str]) -> Iterator[RedisServer]:
    folder.mkdir()
    server = RedisServer(folder, options=options)
    server.start()
    try:
        yield server
    finally:
        server.close()


def submit_one(store: Store) -> None:
    submission = Submission(job_id=new_job_id(), operation="any", params={})
    submit(store, submission, max_active=10, limits=OperationLimits(10))


def submit_one_as_batch(store: Store) -> None:
    submission = Submission(job_id=new_job_id(), operation="any", params={})
    batch = NewBatch(id=new_job_id(), tenant="default", total=1)
    step = Step(0, [(submission, OperationLimits(10))])
    submit_step(store, batch, step, max_active=10, charge=None)


def test_a_server_that_can_lose_or_evict_jobs_is_reported(tmp_path: Path) -> None:
    options = {"appendonly": "no", "maxmemory-policy": "allkeys-lru"}

    with redis_with(tmp_path / "redis", options) as server, server.connect() as client:
        complaints = check_redis(client, strict=False).complaints

    assert len(complaints) == 2
    assert "appendonly" in complaints[0]
    assert "allkeys-lru" in complaints[1]


def test_a_well_configured_server_is_not_reported(tmp_path: Path) -> None:
    with redis_with(tmp_path / "redis", {}) as server, server.connect() as client:
        assert check_redis(client, strict=False).complaints == ()


def test_a_replica_that_has_lost_its_primary_is_unavailable(tmp_path: Path) -> None:
    with redis_with(tmp_path / "redis", {}) as server, server.connect() as client:
        store = Store(client, "any")
        client.config_set("replica-serve-stale-data", "no")
        client.replicaof("127.0.0.1", free_port())

        with pytest.raises(StoreUnavailable, match="a replica without its primary"):
            read(store, new_job_id(), tenant="default")
        with pytest.raises(StoreUnavailable, match="a replica without its primary"):
            submit_one(store)


def test_strict_durability_is_refused_where_redis_may_lose_the_last_second(
    tmp_path: Path,
) -> None:
    with (
        redis_with(tmp_path / "redis", {"appendonly": "no"}) as server,
        server.connect() as client,
        pytest.raises(StoreUnfit, match="appendonly yes"),
    ):
        check_redis(client, strict=True)


def test_strict_durability_waits_for_a_connected_replica(tmp_path: Path) -> None:
    always = {"appendfsync": "always"}
    with redis_with(tmp_path / "first", always) as first, first.connect() as client:
        alone = check_redis(client, strict=True)
        follow = {"replicaof": f"127.0.0.1 {first.port}"}
        with redis_with(tmp_path / "replica", follow) as replica:
            eventually(
                lambda: client.info("replication").get("slave0", {}).get("state") == "online",
                what="the replica follows",
            )
            checked = check_redis(client, strict=True)
            store = Store(client, "strict", durable_by=checked.durable_by)
            submit_one(store)
            replica.pause()

            with pytest.raises(StoreUnavailable, match="durable"):
                submit_one(store)
            with pytest.raises(StoreUnavailable, match="durable"):
                submit_one_as_batch(store)
            counted = count_request(store, Charge("default", Rate(9, timedelta(seconds=10))))

    assert "WAIT" not in (alone.durable_by or ())
    assert counted.left == 8, "what only counts requests waits for no replica"
    assert checked.durable_by is not None
