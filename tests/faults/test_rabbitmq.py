"""RabbitMQ crashes, loses messages, blocks and times out; jobs start later, and once."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.eventually import eventually
from tests.faults.site import Site, await_begins, open_site, outcomes
from tests.servers import RabbitMQ, RedisServer
from tests.system.notes import begun, read_notes

ECHO = {"operation": "echo", "params": {}}
PUBLISH_DEADLINE_S = 2.0
MARGIN_S = 3.0
CONSUMER_TIMEOUT_S = 2.0


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder, rabbitmq, redis_server, "faults-broker") as site:
        site.start()
        yield site


def is_idle_in_a_minute(site: Site) -> bool:
    """Whether all jobs end; lets a minute pass for the check of missing messages."""
    key, redis = site.stack.store.keys("awaiting", "default"), site.stack.store.redis
    for member in redis.zrange(key, 0, -1):
        redis.execute_command("ZADD", key, "XX", 1, member)
    return site.is_idle()


def timed_submit(site: Site) -> tuple[int, str, float]:
    began = time.monotonic()
    answer = httpx.post(f"{site.stack.url}/v1/jobs", json=ECHO, timeout=10)
    return answer.status_code, answer.json()["id"], time.monotonic() - began


@pytest.mark.parametrize("crash", [RabbitMQ.kill, RabbitMQ.wipe])
def test_a_crash_of_rabbitmq_ends_no_function_and_loses_no_job(
    site: Site, crash: Callable[[RabbitMQ], None]
) -> None:
    path = site.notes()
    running, waiting = {"seconds": 4, "path": str(path)}, {"seconds": 0, "path": str(path)}

    with site.client() as client:
        jobs = [client.submit("wait", running)["id"] for _ in range(8)]
        await_begins(path, 8)
        jobs += [client.submit("wait", waiting)["id"] for _ in range(12)]
        crash(site.rabbitmq)
        while_away = [timed_submit(site) for _ in range(3)]
        degraded = httpx.get(f"{site.stack.url}/readyz")
        site.rabbitmq.start()
        eventually(
            lambda: is_idle_in_a_minute(site),
            what="all jobs end",
            timeout=40,
            interval=1,
        )
        ended = outcomes(client, [*jobs, *(job_id for _, job_id, _ in while_away)])

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * 23
    assert sorted(note.job_id for note in begun(read_notes(path))) == sorted(jobs)
    assert [status for status, _, _ in while_away] == [202] * 3
    assert max(seconds for _, _, seconds in while_away) < PUBLISH_DEADLINE_S + MARGIN_S
    assert degraded.json()["checks"]["rabbitmq"]["status"] == "down"


def test_while_rabbitmq_has_no_disk_space_jobs_are_accepted_and_wait(site: Site) -> None:
    try:
        site.rabbitmq.ctl("set_disk_free_limit", "1000000GB")
        answers = [timed_submit(site) for _ in range(6)]
        degraded = httpx.get(f"{site.stack.url}/readyz")
        records = [site.record(job_id) for _, job_id, _ in answers]
    finally:
        site.rabbitmq.ctl("set_disk_free_limit", "50MB")
    with site.client() as client:
        ended = outcomes(client, [job_id for _, job_id, _ in answers], timeout=20)

    assert [status for status, _, _ in answers] == [202] * 6
    assert max(seconds for _, _, seconds in answers) < PUBLISH_DEADLINE_S + MARGIN_S
    assert degraded.json()["checks"]["rabbitmq"]["status"] == "down"
    assert {record["status"] for record in records} == {"queued"}
    assert [job["status"] for job in ended] == ["succeeded"] * 6


@pytest.fixture
def impatient(site: Site) -> Iterator[Site]:
    """A RabbitMQ with a short consumer timeout, checked every second."""
    set_environment(site, consumer_timeout=int(CONSUMER_TIMEOUT_S * 1000), tick=1000)
    yield site
    set_environment(site, consumer_timeout=1_800_000, tick=60_000)


def set_environment(site: Site, *, consumer_timeout: int, tick: int) -> None:
    values = {"consumer_timeout": consumer_timeout, "channel_tick_interval": tick}
    site.rabbitmq.ctl(
        "eval",
        " ".join(f"application:set_env(rabbit, {name}, {value})," for name, value in values.items())
        + " ok.",
    )
    for member in site.members:
        member.rabbitmq.cut()  # channels read it when they are opened


def test_a_function_that_exceeds_rabbitmqs_consumer_timeout_runs_once(impatient: Site) -> None:
    site, path = impatient, impatient.notes()
    params = {"seconds": 3 * CONSUMER_TIMEOUT_S, "path": str(path)}

    with site.client() as client:
        jobs = [client.submit("wait", params)["id"] for _ in range(2)]
        ended = outcomes(client, jobs)
        client.wait(client.submit("echo")["id"], timeout=20)

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * 2
    assert sorted(note.job_id for note in begun(read_notes(path))) == sorted(jobs)
    if release(site) < (4, 3):  # newer ones have no timeout for classic queues
        assert "PRECONDITION_FAILED" in "".join(worker.said() for worker in site.workers)


def release(site: Site) -> tuple[int, ...]:
    return tuple(int(part) for part in site.rabbitmq.ctl("version").split(".")[:2])
