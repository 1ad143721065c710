"""Async functions share a loop, can be stopped, and leave nothing running."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from callboard.actors.coroutines.loop import OwnLoop, SharedLoop
from callboard.actors.interrupts.guard import Guard
from callboard.jobs.errors import Interruption
from tests.eventually import eventually

Function = Callable[[], Coroutine[Any, Any, Any]]
_pause = time.sleep  # noqa: TID251  # what functions do, while tests wait for conditions


class Runner:
    """Runs functions like a worker's threads, and interrupts them like its watchdog."""

    def __init__(self, coroutines: SharedLoop | OwnLoop) -> None:
        self.coroutines = coroutines

    def run(self, function: Function, *, stop_after: float | None = None) -> Any:
        guard = Guard()
        over = threading.Event()

        def watch() -> None:
            if stop_after is not None and not over.wait(stop_after):
                while not over.wait(0.05):
                    guard.interrupt()
                    guard.press()

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            return self.coroutines.run(function, guard)
        finally:
            over.set()
            watching.join()


@pytest.fixture(params=["shared", "own"])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    loop = OwnLoop() if request.param == "own" else SharedLoop()
    yield Runner(loop)
    loop.close()


@pytest.fixture
def shared() -> Iterator[Runner]:
    loop = SharedLoop(blocked_seconds=0.2)
    yield Runner(loop)
    loop.close()


async def wait() -> None:
    await asyncio.sleep(60)


async def block_in_python() -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        sum(range(100))


async def block_in_short_sleeps() -> None:
    for _ in range(100):
        _pause(0.05)


async def wait_for_a_task() -> None:
    await asyncio.create_task(block_in_python())


async def wait_for_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(wait())
        group.create_task(block_in_short_sleeps())


async def wait_for_a_thread() -> None:
    await asyncio.to_thread(lambda: [_pause(0.05) for _ in range(100)])


def pause_often() -> None:
    for _ in range(100):
        _pause(0.05)


async def wait_for_a_pool() -> None:
    with ThreadPoolExecutor(1) as pool:
        await asyncio.wrap_future(pool.submit(pause_often))


@pytest.mark.parametrize(
    "function",
    [
        wait,
        block_in_python,
        block_in_short_sleeps,
        wait_for_a_task,
        wait_for_a_group,
        wait_for_a_thread,
        wait_for_a_pool,
    ],
)
def test_an_async_function_is_interrupted_wherever_it_is(
    runner: Runner, function: Function
) -> None:
    began = time.monotonic()

    with pytest.raises(Interruption):
        runner.run(function, stop_after=0.1)

    assert time.monotonic() - began < 3


def test_a_function_after_an_interrupted_one_runs_normally(runner: Runner) -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    answers = []
    for _ in range(20):
        with pytest.raises(Interruption):
            runner.run(block_in_python, stop_after=0.01)
        answers.append(runner.run(answer))

    assert answers == [42] * 20


def test_a_functions_own_cancel_is_its_error(runner: Runner) -> None:
    async def cancel_part() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        runner.run(cancel_part)


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), ValueError("no"), MemoryError()]
)
def test_any_exception_of_a_function_is_raised_and_ends_no_loop(
    runner: Runner, error: BaseException
) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise error

    async def answer() -> int:
        return 42

    with pytest.raises(type(error)):
        runner.run(fail)

    assert runner.run(answer) == 42


def test_objects_of_a_module_work_in_the_next_run(runner: Runner) -> None:
    kept: dict[str, Any] = {}

    async def use() -> int:
        if not kept:
            kept["lock"] = asyncio.Lock()
            kept["queue"] = asyncio.Queue(1)
        async with kept["lock"]:
            waiting = asyncio.create_task(kept["queue"].get())
            await asyncio.sleep(0)
            await kept["queue"].put(1)
            return int(await waiting)

    assert [runner.run(use) for _ in range(3)] == [1, 1, 1]


def test_two_runs_at_once_share_a_lock(shared: Runner) -> None:
    lock = asyncio.Lock()
    inside: list[str] = []

    async def use() -> None:
        async with lock:
            inside.append("in")
            await asyncio.sleep(0.05)
            inside.append("out")

    with ThreadPoolExecutor(4) as pool:
        for used in [pool.submit(shared.run, use) for _ in range(4)]:
            used.result(10)

    assert inside == ["in", "out"] * 4


def test_tasks_that_a_function_leaves_end_with_it(runner: Runner) -> None:
    ended: list[bool] = []

    async def forget() -> None:
        async def part() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(True)

        asyncio.create_task(part())  # noqa: RUF006
        await asyncio.sleep(0)

    runner.run(forget)

    assert ended == [True]


def test_threads_that_a_function_leaves_end_with_it(runner: Runner) -> None:
    ended: list[str] = []
    begun = threading.Event()

    def work() -> None:
        begun.set()
        try:
            for _ in range(200):
                _pause(0.02)
            ended.append("of itself")
        finally:
            ended.append("it is over")

    async def forget() -> None:
        asyncio.get_running_loop().run_in_executor(None, work)
        await asyncio.to_thread(begun.wait)

    runner.run(forget)

    assert ended == ["it is over"]


@pytest.mark.parametrize("how", ["by the pool", "by the loop"])
def test_work_that_a_function_leaves_in_a_pool_ends_with_it(runner: Runner, how: str) -> None:
    ended: list[str] = []
    begun = threading.Event()

    def work() -> None:
        begun.set()
        try:
            pause_often()
            ended.append("of itself")
        finally:
            ended.append("it is over")

    async def forget() -> None:
        for _ in range(2):  # the second one has to wait
            if how == "by the pool":
                pool.submit(work)
            else:
                asyncio.get_running_loop().run_in_executor(pool, work)
        await asyncio.to_thread(begun.wait)

    async def use_again() -> int:
        return pool.submit(int, "42").result(5)

    with ThreadPoolExecutor(1) as pool:
        runner.run(forget)
        left = list(ended)
        answer = runner.run(use_again)

    assert left == ended == ["it is over"]
    assert answer == 42


def test_work_that_no_function_submitted_is_left_alone(runner: Runner) -> None:
    begun, over = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        over.wait(20)
        return "went on"

    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(work)
        begun.wait(5)
        with pytest.raises(Interruption):
            runner.run(wait, stop_after=0.05)
        over.set()

        assert others.result(5) == "went on"


def test_a_function_that_cleans_up_may_use_a_thread_for_it(runner: Runner) -> None:
    cleaned: list[int] = []

    async def clean_up() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.to_thread(cleaned.append, 1)

    with pytest.raises(Interruption):
        runner.run(clean_up, stop_after=0.1)

    assert cleaned == [1]


def test_a_blocked_loop_blocks_no_other_run(shared: Runner) -> None:
    over = threading.Event()
    blocked = threading.Event()

    async def block() -> str:
        blocked.set()
        over.wait(20)  # one call into C, which cannot be interrupted
        return "went on"

    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    with ThreadPoolExecutor(1) as pool:
        blocking = pool.submit(shared.run, block)
        blocked.wait(5)

        answers = [shared.run(answer) for _ in range(3)]
        over.set()

        assert blocking.result(10) == "went on"
    assert answers == [42] * 3


def test_unused_loops_are_closed() -> None:
    before = threading.active_count()
    loop = SharedLoop(blocked_seconds=0.05)
    over = threading.Event()
    blocked = threading.Event()

    async def block() -> None:
        blocked.set()
        over.wait(20)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(Runner(loop).run, block)
        blocked.wait(5)
        Runner(loop).run(lambda: asyncio.sleep(0))
        over.set()
    loop.close()

    eventually(lambda: threading.active_count() <= before, what="all threads have ended")
