"""With wrong or jumping clocks, jobs follow the Redis clock, which may itself be corrected."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.faults.site import LEASE_S, Member, Site, await_begins, first_begin, open_site, outcomes
from tests.servers import RabbitMQ, RedisServer
from tests.system.notes import begun, read_notes
from tests.system.stack import ROOT

HOUR_S = 3600.0
DELAY_S = 2
WRONG_CLOCK = """
import datetime
import time

SHIFT_S = {seconds}
seconds_now, nanoseconds_now = time.time, time.time_ns
time.time = lambda: seconds_now() + SHIFT_S
time.time_ns = lambda: nanoseconds_now() + SHIFT_S * 10**9
right = datetime.datetime


class Lenient(type):
    def __instancecheck__(cls, value):
        return isinstance(value, right)


class Wrong(right, metaclass=Lenient):
    @classmethod
    def now(cls, tz=None):
        return right.now(tz) + datetime.timedelta(seconds=SHIFT_S)


datetime.datetime = Wrong
"""


class RedisClock:
    """The time that Redis scripts see: the real one, shifted."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._shift_s = 0.0
        self._key = site.stack.store.keys("clock")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def step(self, seconds: float) -> None:
        """Set the clock forward or back."""
        self._shift_s += seconds
        self._tick()

    @contextmanager
    def going(self) -> Iterator["RedisClock"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._thread.join()
            self._site.stack.store.redis.delete(self._key)

    def _run(self) -> None:
        while not self._ended.wait(0.02):
            self._tick()

    def _tick(self) -> None:
        self._site.stack.store.redis.set(self._key, int((time.time() + self._shift_s) * 1000))


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Site]:
    """Web is three hours ahead of Redis, one worker three hours behind, the other a day ahead."""
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder, rabbitmq, redis_server, "faults-clocks") as site:
        for kind, hours in (("web", 3), ("worker", -3), ("worker", 24)):
            site.add(kind, CALLBOARD_TESTING="true", PYTHONPATH=wrong_clock(folder, hours))
        site.await_all()
        yield site


def wrong_clock(folder: Path, hours: float) -> str:
    """Create a path on which Python finds a clock that is wrong by some hours."""
    place = folder / f"clock{hours:+}"
    place.mkdir()
    text = WRONG_CLOCK.format(seconds=round(hours * HOUR_S))
    (place / "sitecustomize.py").write_text(text, encoding="utf-8")
    return f"{place}{os.pathsep}{ROOT}"


@pytest.fixture
def clock(site: Site) -> Iterator[RedisClock]:
    with RedisClock(site).going() as clock:
        yield clock


def test_hosts_with_wrong_clocks_run_jobs_at_the_right_time(site: Site) -> None:
    path = site.notes()
    began = datetime.now(UTC)

    with site.client() as client:
        long = [client.submit("wait", {"seconds": 1.5 * LEASE_S})["id"] for _ in range(6)]
        late = client.submit("wait", {"seconds": 0, "path": str(path)}, delay_seconds=DELAY_S)
        again = client.submit("fragile", {"failures": 2})
        cancelled = client.submit("wait", {"seconds": 60})
        client.cancel(cancelled["id"])
        ended = outcomes(client, [*long, late["id"], again["id"]])
        stopped = client.wait(cancelled["id"], timeout=20)

    over = datetime.now(UTC)
    second, hour = timedelta(seconds=1), timedelta(hours=1)
    assert [job["status"] for job in ended] == ["succeeded"] * 8
    assert [job["attempt"] for job in ended] == [1] * 7 + [3]
    assert stopped["status"] == "cancelled"
    for job in (*ended, stopped):
        created, finished = (
            datetime.fromisoformat(job[f"{name}_at"]) for name in ("created", "finished")
        )
        assert began - second < created <= finished < over + second
    (ran,) = begun(read_notes(path))
    assert {round((said_at(member) - over) / hour) for member in site.members} == {3, -3, 24}
    due = datetime.fromisoformat(late["created_at"]) + timedelta(seconds=DELAY_S)
    started = datetime.fromisoformat(ended[6]["started_at"])
    assert due <= started < over + second, ran


def said_at(member: Member) -> datetime:
    """Read from a process's log what time it used."""
    lines = [line for line in member.said().splitlines() if line.startswith("{")]
    return datetime.fromisoformat(json.loads(lines[-1])["timestamp"])


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])
def test_a_step_of_the_redis_clock_ends_no_running_function(
    site: Site, clock: RedisClock, step_s: float
) -> None:
    path = site.notes()
    params = {"seconds": 2 * LEASE_S, "path": str(path)}

    with site.client() as client:
        jobs = [client.submit("wait", params)["id"] for _ in range(4)]
        await_begins(path, 4)
        clock.step(step_s)
        ended = outcomes(client, jobs)

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * 4
    assert len(begun(read_notes(path))) == 4


def test_a_dead_workers_job_does_not_wait_longer_when_the_clock_is_set_back(
    site: Site, clock: RedisClock
) -> None:
    path = site.notes()

    with site.client() as client:
        job = client.submit("wait", {"seconds": 1, "path": str(path)})
        dead = int(first_begin(path).label)
        os.kill(dead, signal.SIGSTOP)
        clock.step(-HOUR_S)
        os.kill(dead, signal.SIGKILL)
        ended = client.wait(job["id"], timeout=20)

    assert (ended["status"], ended["attempt"]) == ("succeeded", 2)
    eventually(lambda: len(begun(read_notes(path))) == 2, what="it began twice")
