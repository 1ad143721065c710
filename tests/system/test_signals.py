"""Forked processes and started programs handle signals as usual, in a real worker."""

import multiprocessing
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callboard.client import Client
from tests.eventually import eventually
from tests.processes import is_running
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import one_worker

PLAIN = 0x7FFFFFFF
"""Signals 1 to 31: what came with the process of the others is not ours to set (glibc's own)."""
WAYS = ("", "_apart")


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("signals")
    with (
        one_worker(folder, rabbitmq, redis_server, "tests.signal_operations") as made,
        made.client() as opened,
    ):
        yield opened


def run(client: Client, operation: str, **params: Any) -> dict[str, Any]:
    job = client.submit(operation, params)
    return dict(client.wait(job["id"], timeout=40))


@pytest.mark.alone
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_abandoned_pool_ends_within_a_second(client: Client, way: str, method: str) -> None:
    ended = run(client, f"pool_timeout{way}", method=method)

    assert ended["result"] < 2.5, ended


@pytest.mark.parametrize("way", WAYS)
def test_a_forked_process_is_terminated_at_once(client: Client, way: str) -> None:
    code, seconds = run(client, f"process_terminate{way}")["result"]

    assert code == -signal.SIGTERM
    assert seconds < 3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM])
def test_a_started_program_receives_signals(client: Client, way: str, number: int) -> None:
    ended = run(client, f"program_interrupt{way}", number=int(number))

    assert ended["result"] == -number


@pytest.mark.parametrize("way", WAYS)
def test_a_forked_process_handles_sigint_as_an_interrupt(client: Client, way: str) -> None:
    assert run(client, f"fork_interrupt{way}")["result"] == "7"


@pytest.mark.parametrize("way", WAYS)
def test_a_program_blocks_and_ignores_no_signal(client: Client, way: str) -> None:
    mask = run(client, f"mask{way}")["result"]

    assert mask["SigBlk"] == 0
    # A shell that starts the tests in the background ignores it for all.
    inherited = signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN
    ignored = [signal.SIGPIPE, signal.SIGXFSZ, *([signal.SIGQUIT] if inherited else [])]
    assert mask["SigIgn"] & PLAIN == sum(1 << (number - 1) for number in ignored)


@pytest.mark.parametrize("way", WAYS)
def test_an_async_function_ends_its_program(client: Client, way: str) -> None:
    assert run(client, f"async_program{way}")["result"] == -signal.SIGTERM


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_pool_executor_works(client: Client, way: str, method: str) -> None:
    assert run(client, f"executor{way}", method=method)["result"] == [0.01] * 3


@pytest.mark.parametrize("way", WAYS)
def test_python_chooses_the_start_method_of_a_functions_processes(client: Client, way: str) -> None:
    method = run(client, f"start_method{way}")["result"]

    # Python sets its default once something, such as a job before this one, asks for it.
    assert method in {None, multiprocessing.get_all_start_methods()[0]}


@pytest.mark.parametrize("way", WAYS)
def test_terminated_processes_end_with_their_job(client: Client, way: str) -> None:
    pids = run(client, f"leave_children{way}")["result"]

    eventually(lambda: not any(map(is_running, pids)), what="both have ended", timeout=5)


@pytest.mark.alone
@pytest.mark.parametrize("operation", ["pool_beyond_limit", "join_beyond_limit"])
def test_a_function_that_waits_for_processes_is_stopped_at_the_limit(
    client: Client, operation: str
) -> None:
    began = time.monotonic()

    ended = run(client, operation, seconds=20)

    assert ended["error"]["type"].endswith("timeout")
    assert time.monotonic() - began < 6


@pytest.mark.alone
def test_an_isolated_function_that_waits_for_its_threads_is_stopped_at_the_limit(
    client: Client,
) -> None:
    run(client, "mask_apart")  # or the time would be that of starting the first child
    began = time.monotonic()

    ended = run(client, "threads_beyond_limit", seconds=20)

    assert ended["error"]["type"].endswith("timeout")
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("how", ["wait", "read", "poll"])
def test_a_started_program_ends_with_its_stopped_function(
    client: Client, how: str, tmp_path: Path
) -> None:
    note = tmp_path / "pid"

    ended = run(client, "program_beyond_limit", seconds=25, how=how, note=str(note))

    assert ended["error"]["type"].endswith("timeout")
    eventually(lambda: not is_running(int(note.read_text())), what="it has ended", timeout=5)


def test_a_functions_timer_does_not_end_its_worker(client: Client) -> None:
    ended = run(client, "set_alarm")

    assert (ended["status"], ended["attempt"]) == ("succeeded", 1)
