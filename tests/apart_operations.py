"""Operations with process isolation, most of which misbehave."""

import asyncio
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from callboard import Failure, File, Job, operation
from callboard.jobs.errors import Interruption

_pause = time.sleep  # noqa: TID251  # what functions do, while tests wait for conditions
_LEFT: list[bytes] = []


class Unsendable(Exception):
    """An object whose change of its process cannot be undone."""

    def __init__(self, one: object, two: object) -> None:
        self.handle = open(os.devnull)  # noqa: PTH123, SIM115
        super().__init__(f"{one} and {two}")


@operation(isolation="process", wait="5s")
def return_pid(text: str = "") -> dict[str, Any]:
    """Return the process id."""
    return {"pid": os.getpid(), "text": text}


@operation(isolation="process", max_retries=1, backoff="50ms..50ms")
def report_well(*, job: Job) -> str:
    """Use every kind of report."""
    job.step("First")
    job.log("a line")
    job.progress(1, 4)
    if job.attempt == 1:
        raise ValueError("the first attempt fails")
    return f"{job.id} {job.attempt}"


@operation(isolation="process")
async def wait_async(seconds: float) -> float:
    """Wait in an event loop."""
    await asyncio.sleep(seconds)
    return seconds


@operation(isolation="process", stop_grace="30s")
def sleep(seconds: float, note: str = "") -> float:
    """Sleep in one call, and make a note when interrupted."""
    try:
        _pause(seconds)
    except Interruption:
        if note:
            Path(note).write_text("interrupted", encoding="utf-8")
        raise
    return seconds


@operation(isolation="process", time_limit="300ms", stop_grace="200ms")
def loop_late() -> None:
    """Loop in C with the interpreter's lock, beyond the time limit."""
    re.match(r"(a+)+$", "a" * 60 + "b")


@operation(isolation="process", stop_grace="30s")
def loop_long(pids: str = "") -> None:
    """Loop in C, beside a program started in its own session."""
    if pids:
        program = "import time; time.sleep(600)"
        started = [
            subprocess.Popen([sys.executable, "-c", program], start_new_session=alone)
            for alone in (False, True)
        ]
        text = " ".join(str(pid) for pid in (os.getpid(), *(each.pid for each in started)))
        Path(pids).write_text(text, encoding="utf-8")
    re.match(r"(a+)+$", "a" * 60 + "b")


@operation(isolation="process", stop_grace="30s")
def stop_slowly(note: str) -> None:
    """Clean up for longer than a forced cancel leaves."""
    Path(note).write_text("begun", encoding="utf-8")
    try:
        _pause(600)
    finally:
        Path(note).write_text("cleaning up", encoding="utf-8")
        _pause(1)
        Path(note).write_text("cleaned up", encoding="utf-8")


@operation(isolation="process", time_limit="200ms", stop_grace="100ms")
def defy() -> None:
    """Ignore interruptions and signals."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            _pause(60)
        except BaseException:  # noqa: BLE001
            continue


@operation(isolation="process", time_limit="200ms", stop_grace="100ms")
def clean_up_late(note: str) -> None:
    """Swallow the interruption, and clean up when the process is ended."""
    try:
        while True:
            try:
                _pause(60)
            except Interruption:
                continue
    finally:
        Path(note).write_text("cleaned up", encoding="utf-8")


@operation(isolation="process", memory_limit="256MiB")
def take_memory(mebibytes: int, seconds: float = 0.0) -> int:
    """Fill memory, and keep it for a while."""
    kept = bytearray(mebibytes * 1024**2)
    _pause(seconds)
    return len(kept)


@operation(isolation="process", memory_limit="256MiB", memory_limit_kind="address_space")
def do_with_less(mebibytes: int) -> int:
    """Allocate memory without writing to it, and use less if that fails."""
    try:
        return len(bytes(mebibytes * 1024**2))
    except MemoryError:
        return 0


@operation(isolation="process", memory_limit="256MiB")
def have_memory_taken(mebibytes: int) -> None:
    """Fill memory in another program, beyond its inherited limit."""
    program = (
        "import resource, time; hard = resource.getrlimit(resource.RLIMIT_DATA)[1];"
        "resource.setrlimit(resource.RLIMIT_DATA, (hard, hard));"
        f"kept = bytearray({mebibytes} * 1024 ** 2); time.sleep(600)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@operation(isolation="process")
def crash(how: str) -> None:
    """End the process in one of several ways."""
    match how:
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "nothing":
            os._exit(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "abort":
            os.abort()
        case "realtime":
            os.kill(os.getpid(), 40)
    raise AssertionError(how)


@operation(isolation="process")
def die_while_answering(mebibytes: int) -> bytes:
    """Return so much that the process is killed during the transfer."""
    program = f"import os, time; time.sleep(0.3); os.kill({os.getpid()}, 9)"
    subprocess.Popen([sys.executable, "-c", program])
    _pause(0.25)
    return os.urandom(mebibytes * 1024**2)


@operation(isolation="process")
def fail(how: str) -> Any:
    """Fail in one of several ways."""
    match how:
        case "failure":
            raise Failure("there is nothing in it", retryable=False)
        case "unsendable":
            raise Unsendable(object, 2)
        case "exit":
            sys.exit("no more")
        case "interruption":
            raise Interruption
        case "object":
            return object()
        case "large":
            return "x" * 2_000_000
        case "numpy":
            import numpy as np  # noqa: PLC0415

            raise Failure("there is nothing in it", retryable=np.bool_(False))
    raise AssertionError(how)


@operation(isolation="process")
def copy(document: File, *, job: Job) -> dict[str, Any]:
    """Copy a file, and return the copy and the original."""
    copied = job.files.new("copy.txt")
    assert copied.path is not None
    assert document.path is not None
    copied.path.write_bytes(document.open().read() * 2)
    return {"copy": copied, "original": document, "beside": document.path.parent.parent.name}


@operation(isolation="process")
def leave_behind(how: str) -> int:
    """Leave state behind that the next function in this process must not see."""
    if how == "signals":
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGURG, signal.SIG_DFL)
    elif how == "stdout":
        sys.stdout = None
    elif how == "timer":
        signal.setitimer(signal.ITIMER_REAL, 0.2)
    elif how == "memory":
        _LEFT.append(b"x" * (300 * 1024**2))
    return os.getpid()


@operation(isolation="process", stop_grace="30s")
def leave_a_stray(note: str, how: str) -> None:
    """Start a program in its own session and crash, or start a daemon and continue."""
    program = "import time; time.sleep(600)"
    line = [sys.executable, "-c", program]
    if how == "daemon":
        line = ["sh", "-c", '"$0" -c "$1" & echo $!', sys.executable, program]
    started = subprocess.Popen(line, start_new_session=True, stdout=subprocess.PIPE)
    pid = started.pid
    if how == "daemon" and started.stdout is not None:
        pid = int(started.stdout.readline())
        started.wait()
    Path(note).write_text(str(pid), encoding="utf-8")
    if how == "crash":
        os._exit(3)
    _pause(60)


@operation(isolation="process")
def count_descriptors() -> list[str]:
    """Return the open files of this process."""
    folder = Path("/proc/self/fd")
    return sorted(str(each.readlink()) for each in folder.iterdir() if each.exists())


@operation(isolation="process")
def count_descriptors_of_a_program() -> list[str]:
    """Return the open files of a program that inherits what it can."""
    program = "import os; print(*os.listdir('/proc/self/fd'))"
    line = [sys.executable, "-c", program]
    said = subprocess.run(line, check=True, capture_output=True, text=True, close_fds=False)
    return said.stdout.split()


@operation(isolation="process")
def fork_pool(numbers: list[int]) -> list[int]:
    """Start processes."""
    import multiprocessing  # noqa: PLC0415

    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, numbers)


@operation(isolation="process", time_limit="20s")
def fork_and_terminate(times: int) -> list[int]:
    """Terminate processes as soon as they are forked."""
    codes = set()
    for _ in range(times):
        pid = os.fork()
        if pid == 0:
            while True:
                _pause(60)
        os.kill(pid, signal.SIGTERM)
        codes.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return sorted(codes)


@operation(time_limit="5m")
def loop_in_thread(seconds: float) -> None:
    """Ignore a stop for a while, in a thread."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            _pause(0.05)
        except Interruption:
            continue
