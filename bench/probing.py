"""Measures other clients' response times during an attack, and the server's memory."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

from bench.attackers import MIB, pause

_GIVEN_UP_S: Final = 10.0
_PROBE_S: Final = 0.1
_SETTLE_S: Final = 1.0


@contextmanager
def probing(url: str, process: psutil.Process, staging: Path | None) -> Iterator[dict[str, Any]]:
    """Measure the times of `/healthz` during the block, and watch memory and disk."""
    seen: dict[str, Any] = {}
    before = process.memory_info().rss
    watching, watched = multiprocessing.Pipe()
    watcher = multiprocessing.Process(
        target=_watch, args=(process.pid, str(staging or ""), watched)
    )
    watcher.start()
    with taking(url, every_s=_PROBE_S) as taken:
        try:
            yield seen
        finally:
            watching.send("stop")
            rss, disk = watching.recv()
            watcher.join()
    took = sorted(each for _, each in taken)
    seen |= {
        "healthz_median_s": round(took[len(took) // 2], 3),
        "healthz_worst_s": round(took[-1], 3),
        "healthz_given_up": sum(each >= _GIVEN_UP_S for each in took),
        "grown_mib": round(max(0, rss - before) / MIB),
        "staged_mib": round(disk / MIB),
    }


@contextmanager
def taking(url: str, *, every_s: float) -> Iterator[list[tuple[float, float]]]:
    """Request `/healthz` repeatedly from another process during the block.

    Yields:
        A list that receives, at the end, each start by the monotonic clock, and the duration.
    """
    took: list[tuple[float, float]] = []
    here, there = multiprocessing.Pipe()
    prober = multiprocessing.Process(target=_probe, args=(url, every_s, there))
    prober.start()
    pause(_SETTLE_S)
    try:
        yield took
    finally:
        here.send("stop")
        took += here.recv()
        prober.join()


def _probe(url: str, every_s: float, pipe: Any) -> None:
    parts = urlsplit(url)
    took = []
    while not pipe.poll(every_s):
        began = time.monotonic()
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_GIVEN_UP_S)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except (OSError, HTTPException):
            took.append((began, _GIVEN_UP_S))
        else:
            took.append((began, time.monotonic() - began))
        finally:
            connection.close()
    pipe.send(took or [(0.0, 0.0)])


def _watch(pid: int, staging: str, pipe: Any) -> None:
    process, rss, disk = psutil.Process(pid), 0, 0
    while not pipe.poll(_PROBE_S):
        rss = max(rss, process.memory_info().rss)
        if staging:
            disk = max(disk, _unlinked(process, staging))
    pipe.send((rss, disk))


def _unlinked(process: psutil.Process, folder: str) -> int:
    """Count the bytes of a process's open files in a folder, each file once."""
    found = {}
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            if folder in str(link.readlink()):
                status = link.stat()
                found[status.st_ino] = status.st_size
        except OSError:
            continue
    return sum(found.values())
