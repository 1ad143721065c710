"""Redis loses its last second: what may be lost, and that strict durability loses nothing."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from callboard.client import Client
from callboard.client.errors import Problem
from tests.eventually import eventually
from tests.faults.site import Site, await_begins, open_site, outcomes
from tests.invariants import FINAL
from tests.servers import RabbitMQ, RedisServer
from tests.system.notes import begun, read_notes


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder, rabbitmq, redis_server, "faults-second") as site:
        site.start()
        yield site


@pytest.fixture
def strict(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, tmp_path: Path
) -> Iterator[Site]:
    """An installation that acknowledges only what is on disk."""
    server = RedisServer(tmp_path_factory.mktemp("strict-redis"), options={"appendfsync": "always"})
    server.start()
    try:
        with open_site(tmp_path, rabbitmq, server, "faults-strict") as site:
            site.start(CALLBOARD_DURABILITY="strict")
            yield site
            site.settle()
    finally:
        server.close()


def wrong_after_a_lost_second(
    client: Client, *, accepted_before: Collection[str], carried: Collection[str]
) -> Iterator[str]:
    """Report faults of jobs after Redis has lost its last second and all jobs have ended.

    What may be lost in `standard` durability: jobs that were accepted in that second and that no
    message carries, since they were scheduled or blocked, or had ended in that second as well (404
    then, and their unique and idempotency keys are free); ends that were recorded in that second,
    so that the job runs once more and counts a crash; cancels, retries, progress and log lines.

    What must hold all the same: every job that was accepted before, and every job whose message
    RabbitMQ still had or a worker still held, reaches a final status. That nothing is left over,
    and no slot, key or index disagrees with the records, is for `Site.settle`.
    """
    for job_id in (*accepted_before, *carried):
        try:
            status = client.job(job_id)["status"]
        except Problem as problem:
            yield f"{job_id} is lost: {problem}"
        else:
            if status not in FINAL:
                yield f"{job_id} is {status}"


def wrong_in_strict_durability(
    client: Client, *, accepted: Collection[str], begins: Collection[str]
) -> Iterator[str]:
    """Report faults after a crash of Redis with strict durability: every answer must hold.

    Every accepted job has succeeded in its first attempt, whose function began once.
    """
    for job_id in accepted:
        job = client.job(job_id)
        if (job["status"], job["attempt"], job["result"]) != ("succeeded", 1, 1):
            yield f"{job_id} is {job}"
    if sorted(begins) != sorted(accepted):
        yield f"{sorted(begins)} ran for {sorted(accepted)}"


def test_after_a_lost_second_jobs_are_recovered_from_their_messages(site: Site) -> None:
    path = site.notes()
    server, store = site.redis_server, site.stack.store
    long, short = ({"seconds": seconds, "path": str(path)} for seconds in (4, 1.5))

    with site.client() as client:
        ended_in_it = client.submit("wait", short)["id"]
        running = [client.submit("wait", long)["id"] for _ in range(7)]
        await_begins(path, 8)
        scheduled = [client.submit("echo", delay_seconds=5)["id"] for _ in range(2)]
        mark = server.written()
        carried = [client.submit("wait", short)["id"] for _ in range(6)]
        only_in_redis = [client.submit("echo", delay_seconds=3600)["id"] for _ in range(3)]
        eventually(
            lambda: store.redis.zcard(store.keys("outbox")) == 0, what="all messages are confirmed"
        )
        client.wait(ended_in_it, timeout=20)
        server.forget_since(mark)
        server.start()
        eventually(site.is_idle, what="all jobs end", timeout=30)
        before = [ended_in_it, *running, *scheduled]
        wrong = list(wrong_after_a_lost_second(client, accepted_before=before, carried=carried))
        ended = outcomes(client, [*running, *carried])
        answers = [httpx.get(f"{site.stack.url}/v1/jobs/{each}") for each in only_in_redis]

    assert not wrong
    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * 13
    assert [answer.status_code for answer in answers] == [404] * 3
    begins = [note.job_id for note in begun(read_notes(path))]
    assert sorted(begins) == sorted([ended_in_it, ended_in_it, *running, *carried])


def test_with_strict_durability_a_redis_crash_during_a_write_loses_nothing(
    strict: Site,
) -> None:
    site, path = strict, strict.notes()
    jobs = []

    def params(seconds: float) -> dict[str, Any]:
        return {"seconds": seconds, "path": str(path)}

    with site.client() as client:
        for number in range(10):
            jobs.append(client.submit("wait", params(0.3))["id"])
            jobs.append(client.submit("wait", params(0), delay_seconds=2 + number % 3)["id"])
            if number in (3, 7):
                site.redis_server.tear()
                site.redis_server.start()
        eventually(site.is_idle, what="all jobs end", timeout=30)
        begins = [note.job_id for note in begun(read_notes(path))]
        wrong = list(wrong_in_strict_durability(client, accepted=jobs, begins=begins))
        assert len(outcomes(client, jobs)) == 20

    assert not wrong
