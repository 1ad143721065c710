import asyncio
import random
import threading

import pytest

from actors.interrupts import Guard
from jobs.errors import Interruption
from tests.eventually import eventually


def spin() -> None:
    """Run Python code until somebody stops it."""
    number = 0
    while True:
        number += 1


def interrupt_later(guard: Guard, seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, guard.interrupt)
    timer.start()
    return timer


def test_a_running_function_is_interrupted() -> None:
    guard = Guard()
    timer = interrupt_later(guard, 0.05)

    with pytest.raises(Interruption):
        guard.call(spin)

    timer.join()


def test_a_function_that_ends_first_gives_its_value() -> None:
    guard = Guard()

    assert guard.call(lambda: 42) == 42
    assert not guard.interrupt()


def test_the_error_of_a_function_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        Guard().call(lambda: 1 / 0)


def test_an_interruption_comes_only_once() -> None:
    guard = Guard()
    seen: list[bool] = []

    def stubborn() -> str:
        try:
            spin()
        except Interruption:
            seen.append(guard.interrupt())
        return "went on"

    timer = interrupt_later(guard, 0.05)

    assert guard.call(stubborn) == "went on"
    assert seen == [False]
    timer.join()


def test_an_interruption_never_reaches_the_thread_after_its_function() -> None:
    escaped: list[BaseException] = []
    outcomes = {"value": 0, "interrupted": 0}
    chance = random.Random(20)

    def work(rounds: int) -> int:
        total = 0
        for number in range(rounds):
            total += number
        return total

    def attempt(guard: Guard) -> None:
        try:
            guard.call(lambda: work(chance.randrange(400)))
            outcomes["value"] += 1
        except Interruption:
            outcomes["interrupted"] += 1
        # An interruption that is still pending would be raised in here.
        work(50)

    for _ in range(3000):
        guard = Guard()
        go = threading.Event()

        def interrupt(guard: Guard = guard, go: threading.Event = go) -> None:
            go.wait()
            guard.interrupt()

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            go.set()
            attempt(guard)
        except BaseException as error:  # noqa: BLE001 — that is what must not happen
            escaped.append(error)
        thread.join()

    assert escaped == []
    assert outcomes["value"] > 0


def test_a_coroutine_is_interrupted_while_it_waits() -> None:
    guard = Guard()
    started = threading.Event()

    async def wait() -> None:
        started.set()
        await asyncio.sleep(60)

    def interrupt() -> None:
        started.wait()
        eventually(guard.interrupt, what="the coroutine can be interrupted")

    thread = threading.Thread(target=interrupt)
    thread.start()

    with pytest.raises(Interruption):
        guard.call_async(wait)

    thread.join()


def test_a_coroutine_that_ends_first_gives_its_value() -> None:
    async def answer() -> int:
        return 42

    assert Guard().call_async(answer) == 42
