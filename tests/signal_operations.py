"""Operations that fork processes and start programs, in a thread and in a child process."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from callboard import operation

_pause = time.sleep  # noqa: TID251  # what functions do, while tests wait for conditions


def both(function: Callable[..., Any]) -> tuple[Any, Any]:
    """Declare a function twice: in a thread, and in a child process."""
    name = function.__name__
    return (
        operation(time_limit="60s")(function),
        operation(time_limit="60s", isolation="process", name=f"{name}_apart")(function),
    )


def slow(seconds: float) -> float:
    """Do nothing for a while."""
    _pause(seconds)
    return seconds


def pool_timeout(method: str = "fork") -> float:
    """Abandon the work of a pool after 0.5 s, and return how long that took."""
    began = time.monotonic()
    context = multiprocessing.get_context(method)
    with suppress(multiprocessing.TimeoutError), context.Pool(2, maxtasksperchild=1) as pool:
        pool.apply_async(slow, (12,)).get(timeout=0.5)
    return time.monotonic() - began


def start_method() -> str | None:
    """Set the start method of processes, unless Python chooses it."""
    return multiprocessing.get_start_method(allow_none=True)


def process_terminate() -> list[Any]:
    """Terminate a forked process."""
    began = time.monotonic()
    process = multiprocessing.get_context("fork").Process(target=slow, args=(30,))
    process.start()
    _pause(0.2)
    process.terminate()
    process.join(8)
    code = process.exitcode
    process.kill()
    return [code, time.monotonic() - began]


def program_interrupt(number: int) -> int | None:
    """Send a signal to a program, and return how it ended."""
    program = subprocess.Popen(["sleep", "30"])
    _pause(0.2)
    program.send_signal(number)
    try:
        return program.wait(5)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
        return None


def fork_interrupt() -> str:
    """Send SIGINT to a forked process, which handles it as Ctrl-C."""
    pid = os.fork()
    if pid == 0:
        try:
            _pause(20)
        except KeyboardInterrupt:
            os._exit(7)
        os._exit(8)
    _pause(0.3)
    os.kill(pid, signal.SIGINT)
    return str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


async def async_program() -> int:
    """Terminate a program from an event loop."""
    program = await asyncio.create_subprocess_exec("sleep", "20")
    await asyncio.sleep(0.2)
    program.terminate()
    return await asyncio.wait_for(program.wait(), 10)


def mask() -> dict[str, int]:
    """Return the signals that a program blocks and ignores."""
    line = [sys.executable, "-c", "print(open('/proc/self/status').read())"]
    text = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    lines = [line.split(":") for line in text.splitlines() if line.startswith(("SigBlk", "SigIgn"))]
    return {name: int(value, 16) for name, value in lines}


def executor(method: str = "fork") -> list[float]:
    """Use a process pool executor."""
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        return list(pool.map(slow, [0.01] * 3))


def leave_children() -> list[int]:
    """Start processes, terminate them, and do not wait for them."""
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=slow, args=(25,), daemon=True) for _ in range(2)]
    for each in started:
        each.start()
    _pause(0.2)
    for each in started:
        each.terminate()
    return [each.pid or 0 for each in started]


OPERATIONS = [
    each
    for function in (
        pool_timeout,
        process_terminate,
        program_interrupt,
        fork_interrupt,
        async_program,
        mask,
        executor,
        leave_children,
        start_method,
    )
    for each in both(function)
]
globals().update({each.name: each for each in OPERATIONS})


@operation(time_limit="1s")
def pool_beyond_limit(seconds: float) -> str:
    """Wait for a pool beyond the time limit."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return str(pool.map(slow, [seconds] * 2))


@operation(time_limit="1s")
def join_beyond_limit(seconds: float) -> None:
    """Wait for a process beyond the time limit."""
    process = multiprocessing.get_context("fork").Process(target=slow, args=(seconds,))
    process.start()
    process.join()


@operation(time_limit="1s", isolation="process", stop_grace="500ms")
def threads_beyond_limit(seconds: float) -> None:
    """Wait for a pool of threads beyond the time limit."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(slow, [seconds] * 2))


@operation(time_limit="1s")
def program_beyond_limit(seconds: float, how: str, note: str) -> None:
    """Wait for a program beyond the time limit, in one of several ways."""
    line = ["sh", "-c", f"sleep {seconds} & wait"]
    program = subprocess.Popen(line, stdout=subprocess.PIPE)
    Path(note).write_text(str(program.pid), encoding="utf-8")
    match how:
        case "wait":
            program.wait()
        case "read":
            assert program.stdout is not None
            program.stdout.read()
        case "poll":
            while program.poll() is None:
                _pause(0.01)


@operation(time_limit="20s")
def set_alarm() -> None:
    """Set a timer in a thread, where its signal cannot have a handler."""
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    _pause(0.3)
