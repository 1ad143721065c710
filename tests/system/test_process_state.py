"""A worker survives changes of its process by functions, and the next function sees none."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callboard.client import Client
from tests.eventually import eventually
from tests.process_state_operations import WAYS, WAYS_APART
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import Stack, one_worker


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("restorer")
    with one_worker(
        folder,
        rabbitmq,
        redis_server,
        "tests.process_state_operations",
        CALLBOARD_LOG_FORMAT="json",
    ) as made:
        yield made


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[Client]:
    with stack.client() as opened:
        run(opened, "look")
        run(opened, "look_apart")
        yield opened


def run(client: Client, operation: str, **params: Any) -> dict[str, Any]:
    job = client.submit(operation, params)
    return dict(client.wait(job["id"], timeout=30))


def log_of_worker(stack: Stack) -> str:
    return stack.started[1].log.read_text("utf-8")


@pytest.mark.parametrize("how", WAYS)
def test_process_state_changed_by_a_function_in_a_thread_is_restored(
    stack: Stack, client: Client, how: str
) -> None:
    before = run(client, "look")["result"]
    pids = stack.pids_of_workers()

    assert run(client, "spoil", how=how)["result"] in pids

    after = eventually(
        lambda: (found := run(client, "look"))["result"] == before and found,
        what="all is as it was",
        timeout=20,
    )
    assert stack.pids_of_workers() == pids
    eventually(lambda: after["id"] in log_of_worker(stack), what="its run is in the worker's log")


@pytest.mark.parametrize("how", [*WAYS, *WAYS_APART])
def test_a_reused_child_is_like_a_new_one(client: Client, how: str) -> None:
    before = run(client, "look_apart")["result"]

    assert run(client, "spoil_apart", how=how)["status"] == "succeeded"

    assert run(client, "look_apart")["result"] == before


def test_a_functions_cpu_limit_ends_no_later_function(client: Client) -> None:
    run(client, "spoil_apart", how="processor")

    assert run(client, "burn_apart", seconds=1.5)["status"] == "succeeded"


def test_the_shared_memory_of_a_stopped_function_is_removed(client: Client) -> None:
    name = f"callboard-test-{os.getpid()}"

    ended = run(client, "share_beyond_limit", name=name)

    assert ended["error"]["type"].endswith("timeout")
    eventually(lambda: not Path("/dev/shm", name).exists(), what="it is removed", timeout=5)
