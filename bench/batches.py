"""Compare a batch with as many single submissions: `python -m bench.batches [--items 1000]`.

It starts its own redis-server, RabbitMQ node and web process. Figures are printed as JSON.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final

from bench.clients import Clients
from bench.serving import serving
from bench.waiting import spread
from tests.system.stack import Stack

_AT_ONCE: Final = 8
_HEADERS: Final = {"Content-Type": "application/json"}
_ACCEPTED: Final = 202
_ALONE_S: Final = 3.0
_SETTLE_S: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Load:
    """The load.

    Attributes:
        items: items of a batch, and number of single submissions.
        rounds: repetitions of each way.
        polls: status requests per second during batches.
        watched: number of successive batches during these.
    """

    items: int = 1000
    rounds: int = 3
    polls: float = 50
    watched: int = 4


def measure(stack: Stack, load: Load) -> dict[str, Any]:
    """Submit in three ways to the web process of an installation, and return the figures.

    The ways take turns, so that noise of the machine affects all of them.
    """
    ways: dict[str, Callable[[Stack, int], float]] = {
        "batch": submit_batch,
        "one_after_another": submit_singles,
        "eight_at_once": _submit_at_once,
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    submit_batch(stack, load.items)
    for _ in range(load.rounds):
        for name, way in ways.items():
            took[name].append(way(stack, load.items))
            forget_jobs(stack)
    middle = {name: statistics.median(seconds) for name, seconds in took.items()}
    return {
        "seconds": {name: [round(each, 3) for each in seconds] for name, seconds in took.items()},
        "batch_is_faster_than_one_after_another": round(
            middle["one_after_another"] / middle["batch"], 1
        ),
        "batch_is_faster_than_eight_at_once": round(middle["eight_at_once"] / middle["batch"], 1),
        "polls": asyncio.run(_poll(stack, load)),
    }


def submit_batch(stack: Stack, items: int) -> float:
    """Submit a batch, and return the seconds."""
    body = json.dumps({"items": list(_submissions(items))}).encode()
    with _connected(stack) as connection:
        began = time.perf_counter()
        answer = _post(connection, "/v1/batches", body)
        took = time.perf_counter() - began
    wrong = [each for each in json.loads(answer)["items"] if each["status"] != "accepted"]
    assert not wrong, wrong[0]
    return took


def submit_singles(stack: Stack, count: int) -> float:
    """Submit jobs one after another on one connection, and return the seconds."""
    bodies = [json.dumps(each).encode() for each in _submissions(count)]
    with _connected(stack) as connection:
        began = time.perf_counter()
        for body in bodies:
            _post(connection, "/v1/jobs", body)
        return time.perf_counter() - began


def forget_jobs(stack: Stack) -> None:
    """Remove the jobs to free capacity, because no worker runs them."""
    stack.store.redis.flushall()


def _submit_at_once(stack: Stack, count: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(_AT_ONCE) as clients:
        each = [clients.submit(submit_singles, stack, count // _AT_ONCE) for _ in range(_AT_ONCE)]
        for one in each:
            one.result()
    return time.perf_counter() - began


async def _poll(stack: Stack, load: Load) -> dict[str, dict[str, float]]:
    """Request a status at a steady rate, first alone and then during batches."""
    clients = Clients(stack.url)
    job_id = await asyncio.to_thread(_submit_one, stack)
    clients.poll([job_id], load.polls)
    alone = time.monotonic()
    await asyncio.sleep(_ALONE_S)
    began = time.monotonic()
    for _ in range(load.watched):
        await asyncio.to_thread(submit_batch, stack, load.items)
    ended = time.monotonic()
    await asyncio.sleep(_SETTLE_S)
    await clients.close()
    assert not clients.heard.wrong, clients.heard.wrong

    def between(first: float, last: float) -> dict[str, float]:
        return spread([late for due, late in clients.heard.polls if first <= due < last])

    return {"alone": between(alone, began), "beside_batches": between(began, ended)}


def _submit_one(stack: Stack) -> str:
    with _connected(stack) as connection:
        (one,) = _submissions(1)
        job_id: str = json.loads(_post(connection, "/v1/jobs", json.dumps(one).encode()))["id"]
        return job_id


def _submissions(count: int) -> Iterator[dict[str, Any]]:
    mark = secrets.token_hex(4)
    for number in range(count):
        yield {"operation": "echo", "params": {"text": f"{mark} {number}"}}


@contextmanager
def _connected(stack: Stack) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", stack.port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def _post(connection: HTTPConnection, path: str, body: bytes) -> bytes:
    connection.request("POST", path, body, _HEADERS)
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == _ACCEPTED, said
    return said


def main(arguments: Sequence[str] | None = None) -> None:
    """Start servers and a web process, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, field in Load.__dataclass_fields__.items():
        parser.add_argument(f"--{name}", type=type(field.default), default=field.default)
    load = Load(**vars(parser.parse_args(arguments)))
    with serving() as stack:
        print(json.dumps(measure(stack, load), indent=2))


if __name__ == "__main__":
    main()
