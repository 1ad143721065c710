"""Cut, halved or deaf connections to RabbitMQ lose no job and run none twice."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.eventually import eventually
from tests.faults.site import Site, await_begins, open_site, outcomes
from tests.servers import RabbitMQ, RedisServer
from tests.system.notes import begun, read_notes

PUBLISH_DEADLINE_S = 2.0
MARGIN_S = 3.0


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder, rabbitmq, redis_server, "faults-rabbitmq") as site:
        site.start()
        yield site


def test_jobs_whose_confirm_was_lost_run_once(site: Site) -> None:
    path = site.notes()
    jobs = []

    with site.client() as client:
        for _ in range(10):
            site.web.rabbitmq.halve("to-client")
            jobs.append(client.submit("wait", {"seconds": 0.1, "path": str(path)})["id"])
        ended = outcomes(client, jobs)

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * len(jobs)
    assert sorted(note.job_id for note in begun(read_notes(path))) == sorted(jobs)


def test_a_cut_connection_neither_ends_nor_repeats_running_functions(site: Site) -> None:
    path = site.notes()
    params = {"seconds": 2, "path": str(path)}

    with site.client() as client:
        jobs = [client.submit("wait", params)["id"] for _ in range(12)]
        await_begins(path, 8)
        for worker in site.workers:
            worker.rabbitmq.cut()
        ended = outcomes(client, jobs)

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * len(jobs)
    assert sorted(note.job_id for note in begun(read_notes(path))) == sorted(jobs)


def test_half_a_message_is_ignored_and_redelivered(site: Site) -> None:
    path = site.notes()
    jobs = []

    with site.client() as client:
        for _ in range(10):
            for worker in site.workers:
                worker.rabbitmq.halve("to-client")
            jobs.append(client.submit("wait", {"seconds": 0, "path": str(path)})["id"])
            eventually(site.is_idle, what="the job ends")
        ended = outcomes(client, jobs)

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * len(jobs)
    assert sorted(note.job_id for note in begun(read_notes(path))) == sorted(jobs)


def test_a_deaf_connection_costs_a_submission_its_deadline_and_the_relay_publishes(
    site: Site,
) -> None:
    site.web.rabbitmq.deaf()
    began = time.monotonic()

    answer = httpx.post(f"{site.stack.url}/v1/jobs", json={"operation": "echo", "params": {}})
    seconds = time.monotonic() - began

    assert answer.status_code == 202
    assert seconds < PUBLISH_DEADLINE_S + MARGIN_S
    with site.client() as client:
        assert client.wait(answer.json()["id"], timeout=10)["status"] == "succeeded"


def test_messages_on_a_deaf_connection_reach_another_worker_when_it_breaks(site: Site) -> None:
    deaf, hearing = site.workers
    hearing.rabbitmq.refuse()
    deaf.rabbitmq.deaf()

    with site.client() as client:
        jobs = [client.submit("echo")["id"] for _ in range(8)]
        deaf.rabbitmq.refuse()
        hearing.rabbitmq.restore()
        ended = outcomes(client, jobs, timeout=20)

    assert [(job["status"], job["attempt"]) for job in ended] == [("succeeded", 1)] * len(jobs)
