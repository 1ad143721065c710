import cProfile
import random
import sys
import threading
import time
import trace
from collections.abc import Callable
from contextlib import suppress

import pytest

from callboard.actors.interrupts.guard import Guard
from callboard.jobs.errors import Interruption


def spin() -> None:
    """Run Python code until it is stopped."""
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


def test_a_function_that_ends_first_returns_its_value() -> None:
    guard = Guard()

    assert guard.call(lambda: 42) == 42
    assert not guard.interrupt()


def test_an_error_of_a_function_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        Guard().call(lambda: 1 / 0)


def test_an_interruption_is_raised_only_once() -> None:
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
        # A pending interruption would be raised here.
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


def go_on(seconds: float) -> int:
    """Take steps until the time is over."""
    steps = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        steps += 1
    return steps


def profiled() -> list[int]:
    with cProfile.Profile():
        return [abs(number) for number in range(100)]


def traced() -> int:
    return int(trace.Trace(count=1, trace=0).runfunc(abs, -1))


def in_thread(function: Callable[[], None]) -> None:
    """Run a test's body in a separate thread, like a worker's function."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001 — the test is to see it
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it goes round for ever"
    assert failed == []


@pytest.mark.parametrize("before", ["nothing", "a value", "an interruption", "one swallowed"])
def test_a_function_is_profiled_and_traced_after_others_have_run(before: str) -> None:
    def swallow() -> None:
        with suppress(Interruption):
            go_on(10)

    def body() -> None:
        guard = Guard()
        if before == "a value":
            guard.call(lambda: 42)
        elif before != "nothing":
            timer = interrupt_later(guard, 0.02)
            with suppress(Interruption):
                guard.call(swallow if before == "one swallowed" else spin)
            timer.join()

        assert Guard().call(profiled) == list(range(100))
        assert Guard().call(traced) == 1

    in_thread(body)


def test_a_function_is_profiled_while_another_one_ignores_its_interruption() -> None:
    guard = Guard()
    asleep, over = threading.Event(), threading.Event()

    def sleep_in_c() -> None:
        asleep.set()
        over.wait(10)  # one call, which cannot be interrupted

    def deaf() -> None:
        with suppress(Interruption):
            guard.call(sleep_in_c)

    other = threading.Thread(target=deaf)
    other.start()
    asleep.wait()
    guard.interrupt()

    in_thread(lambda: Guard().call(profiled))

    over.set()
    other.join()


def hooked(_frame: object, _event: str, _argument: object) -> None:
    """Observe what a thread does."""


def leave_hooks() -> None:
    sys.settrace(hooked)
    sys.setprofile(hooked)
    threading.settrace(hooked)
    threading.setprofile(hooked)


def test_a_functions_trace_and_profile_hooks_end_with_it() -> None:
    def body() -> None:
        before = sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()

        Guard().call(leave_hooks)

        after = sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()
        assert after == before

    in_thread(body)


def test_a_profiler_left_on_does_not_prevent_the_next_function_from_profiling() -> None:
    left: list[cProfile.Profile] = []

    def leave_profiler() -> None:
        left.append(cProfile.Profile())
        left[0].enable()

    def body() -> None:
        Guard().call(leave_profiler)

        assert Guard().call(profiled) == list(range(100))

    in_thread(body)


@pytest.mark.parametrize("hook", [sys.settrace, sys.setprofile])
def test_a_function_with_a_trace_hook_is_interrupted(hook: Callable[[object], None]) -> None:
    def body() -> None:
        guard = Guard()
        timer = interrupt_later(guard, 0.05)

        def spin_hooked() -> None:
            hook(hooked)
            go_on(10)

        with pytest.raises(Interruption):
            guard.call(spin_hooked)

        timer.join()

    in_thread(body)


def wrap() -> None:
    try:
        go_on(10)
    except BaseException as error:
        raise ValueError("the library failed") from error


def fail_to_clean_up() -> None:
    try:
        go_on(10)
    finally:
        raise ValueError("it could not be cleaned up")


def fail_in_a_group() -> None:
    try:
        go_on(10)
    except BaseException as error:  # noqa: BLE001
        raise BaseExceptionGroup("several", [ValueError(), error]) from None


@pytest.mark.parametrize("function", [wrap, fail_to_clean_up, fail_in_a_group])
def test_an_error_caused_by_the_interruption_counts_as_the_interruption(
    function: Callable[[], None],
) -> None:
    guard = Guard()
    timer = interrupt_later(guard, 0.05)

    with pytest.raises(Interruption):
        guard.call(function)

    timer.join()


def test_an_error_long_after_a_swallowed_interruption_is_a_failure() -> None:
    guard = Guard()
    timer = interrupt_later(guard, 0.05)

    def go_on_and_fail() -> None:
        with suppress(Interruption):
            go_on(10)
        raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        guard.call(go_on_and_fail)

    timer.join()
