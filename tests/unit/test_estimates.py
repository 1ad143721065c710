"""Estimated starts of queued jobs, and the requests that they cost."""

from datetime import timedelta

import pytest
from fakeredis import FakeRedis, FakeServer
from redis import exceptions

from callboard.api.jobs.estimates import Estimates
from callboard.jobs.estimates import UNKNOWN, Duration, Estimate, QueuePosition, start_s
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission
from callboard.jobs.submit import Accepted
from callboard.jobs.workers import heartbeat_worker

pytestmark = pytest.mark.check


@pytest.mark.parametrize(
    ("place", "threads", "seconds"),
    [
        (QueuePosition(1, running=0), 4, 0),  # a worker is idle
        (QueuePosition(4, running=0), 4, 0),
        (QueuePosition(5, running=0), 4, 2.5),  # one must end before
        (QueuePosition(1, running=4), 4, 2.5),
        (QueuePosition(3, running=9), 4, 7.5),  # others run on other workers
        (QueuePosition(1, running=4), 0, None),  # no worker
        (QueuePosition(2, limit=1), 4, 20),
        (QueuePosition(2, limit=5), 4, 5),  # at most as many as threads run at a time
        (QueuePosition(2, limit=0), 4, None),  # paused
        (QueuePosition(None, running=0), 4, None),
    ],
)
def test_a_job_starts_after_the_jobs_ahead_of_it_have_ended(
    place: QueuePosition, threads: int, seconds: float | None
) -> None:
    assert start_s(place, 10.0, threads) == seconds


def test_if_runs_vary_the_first_poll_is_before_the_mean() -> None:
    assert Duration(10_000, 0).soonest_ms == 10_000
    assert Duration(10_000, 9_000).soonest_ms == 1_000
    assert Duration(10_000, 12_000).soonest_ms == 0


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _Redis(FakeRedis):
    """Can be unavailable, and counts round trips."""

    away = False
    trips = 0

    def pipeline(self, *args: object, **kwargs: object) -> object:
        self._trip()
        return super().pipeline(*args, **kwargs)

    def execute_command(self, *args: object, **kwargs: object) -> object:
        self._trip()
        return super().execute_command(*args, **kwargs)

    def _trip(self) -> None:
        self.trips += 1
        if self.away:
            raise exceptions.ConnectionError


@pytest.fixture
def client() -> _Redis:
    return _Redis(server=FakeServer(version=(7, 2)), protocol=2)


def _work(store: Store, worker: str, *, threads: int, queues: str = "default") -> None:
    heartbeat_worker(store, worker, {"threads": str(threads), "queues": queues}, operations=["add"])


def test_threads_are_counted_by_queue_and_asked_for_every_five_seconds(client: _Redis) -> None:
    clock, store = _Clock(), Store(client, "test")
    estimates = Estimates(store, clock=clock)
    _work(store, "one", threads=4)
    _work(store, "two", threads=2, queues="default,other")

    counted = [estimates.threads(queue) for queue in ("default", "other", "nobody")]
    before = client.trips
    _work(store, "three", threads=1)
    known = estimates.threads("default")
    asked = client.trips - before - 1
    clock.now += 5

    assert counted == [6, 2, 0]
    assert (known, asked) == (6, 0)
    assert estimates.threads("default") == 7


def test_without_redis_the_last_known_threads_are_used(client: _Redis) -> None:
    clock, store = _Clock(), Store(client, "test")
    estimates = Estimates(store, clock=clock)
    _work(store, "one", threads=4)
    estimates.threads("default")
    clock.now += 5
    client.away = True

    assert estimates.threads("default") == 4


def test_a_new_job_is_estimated_without_asking_for_it(client: _Redis) -> None:
    store = Store(client, "test")
    client.hset(store.keys("stats", "add"), mapping={"mean_ms": 8000, "spread_ms": 100})
    _work(store, "one", threads=2)
    estimates = Estimates(store)
    submission = Submission(job_id="1", operation="add", params={}, result_ttl=timedelta(hours=1))
    accepted = Accepted("1", submission, False, 1, 1, position=3, running=2)
    estimates.of_new(accepted)

    before = client.trips
    estimate = estimates.of_new(accepted)

    assert estimate == Estimate(3, 12.0)
    assert client.trips == before


def test_a_job_without_a_position_has_no_estimate(client: _Redis) -> None:
    store = Store(client, "test")
    estimates = Estimates(store)
    submission = Submission(job_id="1", operation="add", params={})

    assert estimates.of_new(Accepted("1", submission, True, 0, 1)) == UNKNOWN


def test_without_redis_it_is_asked_only_once_every_five_seconds(
    client: _Redis,
) -> None:
    clock, store = _Clock(), Store(client, "test")
    client.hset(store.keys("stats", "add"), mapping={"mean_ms": 8000, "spread_ms": 100})
    estimates = Estimates(store, clock=clock)
    estimates.duration("add")
    clock.now += 5
    client.away = True

    known = estimates.duration("add")
    before = client.trips
    others = [estimates.duration(name) for name in ("add", "scale", "sort")]
    asked = client.trips - before
    clock.now += 5
    client.away = False

    assert known == Duration(8000, 100)
    assert (others, asked) == ([known, None, None], 0)
    assert estimates.duration("sort") is None
    assert client.trips == before + 1
