"""What others get while a server is attacked, and how large that grows."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from bench.attackers import MIB, pause

_GIVEN_UP_S: Final = 10.0
_PROBE_S: Final = 0.1


@contextmanager
def probing(url: str, process: psutil.Process, staging: Path | None) -> Iterator[dict[str, Any]]:
    """Ask for `/healthz` from another process meanwhile, and watch memory and disk."""
    seen: dict[str, Any] = {}
    here, there = multiprocessing.Pipe()
    prober = multiprocessing.Process(target=_probe, args=(url, there))
    before = process.memory_info().rss
    prober.start()
    watching, watched = multiprocessing.Pipe()
    watcher = multiprocessing.Process(
        target=_watch, args=(process.pid, str(staging or ""), watched)
    )
    watcher.start()
    pause(1)
    try:
        yield seen
    finally:
        here.send("stop")
        watching.send("stop")
        took = sorted(here.recv())
        rss, disk = watching.recv()
        prober.join()
        watcher.join()
        seen |= {
            "healthz_median_s": round(took[len(took) // 2], 3),
            "healthz_worst_s": round(took[-1], 3),
            "healthz_given_up": sum(each >= _GIVEN_UP_S for each in took),
            "grown_mib": round(max(0, rss - before) / MIB),
            "staged_mib": round(disk / MIB),
        }


def _probe(url: str, pipe: Any) -> None:
    took = []
    while not pipe.poll(_PROBE_S):
        began = time.monotonic()
        try:
            httpx.get(f"{url}/healthz", timeout=_GIVEN_UP_S)
        except httpx.TransportError:
            took.append(_GIVEN_UP_S)
        else:
            took.append(time.monotonic() - began)
    pipe.send(took or [0.0])


def _watch(pid: int, staging: str, pipe: Any) -> None:
    process, rss, disk = psutil.Process(pid), 0, 0
    while not pipe.poll(_PROBE_S):
        rss = max(rss, process.memory_info().rss)
        if staging:
            disk = max(disk, _unlinked(process, staging))
    pipe.send((rss, disk))


def _unlinked(process: psutil.Process, folder: str) -> int:
    """Count the bytes of files in a folder that a process holds open, each once."""
    found = {}
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            if folder in str(link.readlink()):
                status = link.stat()
                found[status.st_ino] = status.st_size
        except OSError:
            continue
    return sum(found.values())
