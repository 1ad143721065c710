"""Cut, halved, slow or deaf connections to Redis lose no job and run none twice."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from tests.eventually import eventually
from tests.faults.proxy import Direction, Proxy
from tests.faults.site import LEASE_S, Site, await_begins, first_begin, open_site, outcomes
from tests.servers import RabbitMQ, RedisServer
from tests.system.notes import begun, read_notes

ECHO = {"operation": "echo", "params": {}}


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder, rabbitmq, redis_server, "faults-redis") as site:
        site.start()
        yield site


@contextmanager
def halving(wires: list[Proxy], direction: Direction) -> Iterator[None]:
    """Repeatedly halve chunks on these connections."""
    enough = threading.Event()

    def halve() -> None:
        while not enough.wait(0.15):
            for wire in wires:
                wire.halve(direction)

    thread = threading.Thread(target=halve)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def test_a_worker_cut_off_from_redis_cannot_overwrite_its_successor(site: Site) -> None:
    path = site.notes()

    with site.client() as client:
        job = client.submit("wait", {"seconds": 2 * LEASE_S, "path": str(path)})
        cut_off = site.worker_of(first_begin(path))
        cut_off.redis.refuse()
        await_begins(path, 2)
        eventually(
            lambda: any(note.kind == "end" for note in read_notes(path)),
            what="the first run ends, and knows of nothing",
        )
        cut_off.redis.restore()
        ended = client.wait(job["id"], timeout=30)

    notes = read_notes(path)
    assert (ended["status"], ended["attempt"], ended["result"]) == ("succeeded", 2, 2)
    assert [note.attempt for note in begun(notes)] == [1, 2]
    assert site.record(job["id"])["crashes"] == "1"
    eventually(
        lambda: any(
            job["id"] in line and '"answer": "stale"' in line
            for line in cut_off.said().splitlines()
        ),
        what="the first run's result is refused",
    )


@pytest.mark.parametrize("direction", ["to-server", "to-client"])
def test_jobs_run_once_while_commands_and_replies_are_truncated(
    site: Site, direction: Direction
) -> None:
    path = site.notes()
    params = {"seconds": 0.2, "path": str(path)}
    wires = [member.redis for member in site.members]

    with site.client() as client, halving(wires, direction):
        jobs = [client.submit("wait", params)["id"] for _ in range(40)]
        eventually(site.is_idle, what="all jobs end", timeout=30)
    with site.client() as client:
        ended = outcomes(client, jobs)

    assert {job["status"] for job in ended} == {"succeeded"}
    assert {job["attempt"] for job in ended} == {1}
    assert sorted(note.job_id for note in begun(read_notes(path))) == sorted(jobs)


@pytest.mark.parametrize("fault", [Proxy.deaf, Proxy.refuse])
def test_callers_get_a_retry_after_within_seconds_and_are_served_later(
    site: Site, fault: Callable[[Proxy], None]
) -> None:
    with site.client() as client:
        known = client.submit("echo")["id"]
        client.wait(known, timeout=20)
    asked = [("POST", "/v1/jobs"), ("GET", f"/v1/jobs/{known}"), ("GET", "/v1/jobs")]

    def ask(request: tuple[str, str]) -> httpx.Response:
        method, path = request
        body = ECHO if method == "POST" else None
        return httpx.request(method, site.stack.url + path, json=body, timeout=8)

    fault(site.web.redis)
    with ThreadPoolExecutor(len(asked)) as threads:
        answers = list(threads.map(ask, asked))
    site.web.redis.restore()
    again = [ask(request) for request in asked]

    assert {answer.status_code for answer in answers} == {503}
    assert all(answer.json()["type"].endswith("#temporary-reduced-capacity") for answer in answers)
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    assert [answer.status_code for answer in again] == [202, 200, 200]


def test_a_redis_outage_shorter_than_a_lease_changes_nothing(site: Site) -> None:
    path = site.notes()
    params = {"seconds": LEASE_S, "path": str(path)}

    with site.client() as client:
        jobs = [client.submit("wait", params)["id"] for _ in range(4)]
        await_begins(path, 4)
        for worker in site.workers:
            worker.redis.deaf()
        threading.Event().wait(LEASE_S / 2)
        site.restore()
        ended = outcomes(client, jobs)

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * 4
    assert len(begun(read_notes(path))) == 4


def test_leases_are_renewed_over_a_slow_connection(site: Site) -> None:
    path = site.notes()
    params = {"seconds": 1.5 * LEASE_S, "path": str(path)}

    for worker in site.workers:
        worker.redis.delay(0.1)
    with site.client() as client:
        ended = outcomes(client, [client.submit("wait", params)["id"] for _ in range(4)])

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * 4
    assert len(begun(read_notes(path))) == 4
