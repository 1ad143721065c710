"""Operations that reserve much memory, or allocate it in one of many ways."""

import fcntl
import mmap
import os
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from multiprocessing import shared_memory
from typing import Final

import numpy as np

from callboard import operation

_pause = time.sleep  # noqa: TID251  # what functions do, while tests wait for conditions
_MEBIBYTE: Final = 1024**2
_MUCH: Final = 400 * _MEBIBYTE
_BASE: Final = 120 * _MEBIBYTE


@operation(isolation="process", memory_limit="256MiB")
def reserve(how: str) -> int:
    """Reserve much and use little, or use shared memory."""
    match how:
        case "threads":
            over = threading.Event()
            threads = [threading.Thread(target=over.wait) for _ in range(32)]
            for each in threads:
                each.start()
            _pause(0.4)
            over.set()
            for each in threads:
                each.join()
        case "zeros":
            kept = np.zeros(4 * _MUCH // 8)
            _pause(0.4)
            return len(kept)
        case "shared zeros":
            with mmap.mmap(-1, 4 * _MUCH):
                _pause(0.4)
        case "forks":
            _fork(b"x" * _BASE, 4)
        case "file":
            _map_a_file()
    return 0


@operation(isolation="process", memory_limit="256MiB")
def take(how: str) -> None:
    """Allocate much memory in one of several ways, and keep it."""
    with ExitStack() as kept:
        match how:
            case "bytes":
                kept.callback(len, b"x" * _MUCH)
            case "memfd":
                _write(os.memfd_create("taken"), _MUCH)
            case "mapped memfd":
                end = os.memfd_create("taken")
                os.truncate(end, _MUCH)
                _fill(kept.enter_context(mmap.mmap(end, _MUCH)))
            case "shared memory":
                name = f"callboard-taken-{os.getpid()}"
                memory = shared_memory.SharedMemory(name=name, create=True, size=_MUCH)
                _fill(memory.buf)
            case "shared zeros":
                _fill(kept.enter_context(mmap.mmap(-1, _MUCH)))
            case "forks":
                _fork(b"", 4, takes=_MUCH // 4)
            case "pipes":
                _fill_pipes(_MUCH)
        _pause(30)


@operation(isolation="process", memory_limit="256MiB")
def take_lazily() -> Iterable[int]:
    """Take memory while the result is read."""
    kept = []
    for number in range(_MUCH // _MEBIBYTE):
        kept.append(b"x" * _MEBIBYTE)
        yield number
    _pause(30)


@operation(isolation="process", memory_limit="256MiB", memory_limit_kind="address_space")
def reserve_address_space() -> str:
    """Reserve much without touching it."""
    try:
        np.zeros(_MUCH // 8)
    except MemoryError:
        return "refused"
    return "given"


def _fill(memory: "mmap.mmap | memoryview") -> None:
    piece = b"x" * _MEBIBYTE
    for start in range(0, len(memory), _MEBIBYTE):
        memory[start : start + _MEBIBYTE] = piece


def _write(descriptor: int, size: int) -> None:
    for _ in range(size // _MEBIBYTE):
        os.write(descriptor, b"x" * _MEBIBYTE)


def _fork(shared: bytes, count: int, *, takes: int = 0) -> None:
    pids = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            own = b"y" * takes
            _pause(30 if takes else 0.4)
            os._exit(len(shared) + len(own) and 0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)


def _fill_pipes(size: int) -> None:
    for _ in range(size // _MEBIBYTE):
        _, end = os.pipe()
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, _MEBIBYTE)
        os.set_blocking(end, False)
        os.write(end, b"x" * _MEBIBYTE)


def _map_a_file() -> None:
    with tempfile.TemporaryFile(dir="/var/tmp") as file:
        _write(file.fileno(), _MUCH)
        with mmap.mmap(file.fileno(), _MUCH, prot=mmap.PROT_READ) as mapped:
            sum(mapped[start] for start in range(0, _MUCH, 4096))
            _pause(0.4)
