"""Processes of every kind are killed or suspended; no job is lost or run twice."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.eventually import eventually
from tests.faults.site import (
    LEASE_S,
    Site,
    await_begins,
    first_begin,
    open_site,
    outcomes,
)
from tests.processes import is_running
from tests.servers import RabbitMQ, RedisServer
from tests.system.notes import begun, read_notes


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder, rabbitmq, redis_server, "faults-signals") as site:
        site.start()
        yield site


def test_a_worker_paused_for_longer_than_its_lease_changes_nothing_afterwards(
    site: Site,
) -> None:
    path = site.notes()

    with site.client() as client:
        job = client.submit("wait", {"seconds": LEASE_S, "path": str(path)})
        stopped = first_begin(path)
        member = site.worker_of(stopped)
        os.kill(int(stopped.label), signal.SIGSTOP)
        ended = client.wait(job["id"], timeout=30)
        os.kill(int(stopped.label), signal.SIGCONT)
        told = eventually(
            lambda: [
                line
                for line in member.said().splitlines()
                if job["id"] in line and "run_ended" in line
            ],
            what="the first run ends",
        )

    assert (ended["status"], ended["attempt"], ended["result"]) == ("succeeded", 2, 2)
    assert [note.attempt for note in begun(read_notes(path))] == [1, 2]
    assert site.record(job["id"])["crashes"] == "1"
    assert '"outcome": "lost"' in told[-1] or '"answer": "stale"' in told[-1]
    assert site.record(job["id"])["attempt"] == "2"


@pytest.mark.parametrize("whom", ["process", "master"])
def test_submissions_during_a_kill_of_web_create_each_job_once(site: Site, whom: str) -> None:
    path = site.notes()
    params = {"seconds": 0, "path": str(path)}
    children = site.web.children()
    enough = threading.Event()

    def submit(_number: int) -> list[str]:
        with site.client() as client:
            jobs = []
            while not enough.is_set():
                jobs.append(client.submit("wait", params)["id"])
            return [*jobs, client.submit("wait", params)["id"]]

    with ThreadPoolExecutor(3) as threads:
        producers = [threads.submit(submit, number) for number in range(3)]
        await_begins(path, 10)
        for pid in [site.web.pid] if whom == "master" else children:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not any(map(is_running, children)), what="they end", timeout=30)
        site.restore()
        enough.set()
        jobs = [job_id for producer in producers for job_id in producer.result(60)]

    eventually(site.is_idle, what="all jobs end", timeout=30)
    assert sorted(note.job_id for note in begun(read_notes(path))) == sorted(jobs)


def test_requests_to_a_paused_web_process_are_answered_when_it_resumes(
    site: Site,
) -> None:
    body = {"operation": "echo", "params": {"text": "still"}}

    with ThreadPoolExecutor(4) as threads:
        site.web.started.signal(signal.SIGSTOP)
        answers = [
            threads.submit(httpx.post, f"{site.stack.url}/v1/jobs", json=body, timeout=30)
            for _ in range(4)
        ]
        threading.Event().wait(1)
        assert not any(answer.done() for answer in answers)
        site.web.started.signal(signal.SIGCONT)
        accepted = [answer.result() for answer in answers]

    assert {answer.status_code for answer in accepted} == {202}
    with site.client() as client:
        ended = outcomes(client, [answer.json()["id"] for answer in accepted])
    assert {job["status"] for job in ended} == {"succeeded"}


def test_workers_continue_while_their_masters_are_paused(site: Site) -> None:
    # Workers log through a pipe to the master, which holds 64 KiB.
    items = [{"operation": "echo", "params": {"text": str(number)}} for number in range(800)]
    for worker in site.workers:
        os.kill(worker.pid, signal.SIGSTOP)

    answer = httpx.post(f"{site.stack.url}/v1/batches", json={"items": items}, timeout=30)
    batch = answer.json()["links"]["self"]
    eventually(site.is_idle, what="all jobs of the batch end", timeout=30)

    counts = httpx.get(batch).json()["counts"]
    assert counts["succeeded"] == len(items)
