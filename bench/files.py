"""Measure large files through a web process: `python -m bench.files [--gib 2] [--uploads 10]`.

It starts its own redis-server, RabbitMQ node and web process. A large file is uploaded and
downloaded; then several are uploaded at once while a job is polled. Figures are printed as JSON.
"""

import argparse
import json
import threading
import time
from typing import Any, Final

import httpx

from bench.serving import serving
from tests.system.stack import Stack
from tests.system.uploading import Memory, download, upload, uploading, web_process

_MIB: Final = 1024**2
_AT_REST_S: Final = 2.0
_PAUSE_S: Final = 0.01


def one_large(stack: Stack, size: int) -> dict[str, Any]:
    """Upload and download one file, and return the times and the growth of the web process."""
    memory = Memory(web_process(stack))
    began = time.monotonic()
    file = upload(stack.port, size)
    up_s, up_bytes = time.monotonic() - began, memory.growth()
    began = time.monotonic()
    whole = download(stack.port, file) == file["sha256"]
    down_s = time.monotonic() - began
    return {
        "mib": size // _MIB,
        "up_mib_per_s": round(size / _MIB / up_s),
        "down_mib_per_s": round(size / _MIB / down_s),
        "growth_up_mib": round(up_bytes / _MIB, 1),
        "growth_mib": round(memory.growth() / _MIB, 1),
        "whole": whole,
    }


def many_at_once(stack: Stack, size: int, count: int) -> dict[str, Any]:
    """Poll a job without load and during uploads, and return the response times."""
    with httpx.Client(base_url=stack.url, timeout=30) as http:
        job = http.post("/v1/jobs", json={"operation": "echo", "params": {}}).json()["id"]
        polls = Polls(http, f"/v1/jobs/{job}")
        ends_at = time.monotonic() + _AT_REST_S
        at_rest = polls.until(lambda: time.monotonic() > ends_at)
        memory = Memory(web_process(stack))
        with uploading(stack, size, count) as process:
            meanwhile = polls.until(lambda: process.poll() is not None)
            done = json.loads(process.communicate()[0])
    return {
        "uploads": count,
        "mib": size // _MIB,
        "seconds": round(done["seconds"], 2),
        "growth_mib": round(memory.growth() / _MIB, 1),
        "poll_ms_at_rest": at_rest,
        "poll_ms_meanwhile": meanwhile,
    }


class Polls:
    """One client that polls repeatedly, with its response times."""

    def __init__(self, http: httpx.Client, path: str) -> None:
        self._http = http
        self._path = path
        self._paused = threading.Event()

    def until(self, over: Any) -> dict[str, float]:
        """Poll until the end of a call, and return percentiles in ms."""
        took: list[float] = []
        while not over():
            began = time.perf_counter()
            assert self._http.get(self._path).is_success
            took.append((time.perf_counter() - began) * 1000)
            self._paused.wait(_PAUSE_S)
        took.sort()
        at = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
        figures = {name: round(took[int(len(took) * share)], 1) for name, share in at.items()}
        return {"count": len(took), **figures, "most": round(took[-1], 1)}


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=2)
    parser.add_argument("--uploads", type=int, default=10)
    parser.add_argument("--mib", type=int, default=100)
    asked = parser.parse_args()
    with serving(CALLBOARD_MAX_FILE_BYTES="8GiB") as stack:
        large = one_large(stack, int(asked.gib * 1024) * _MIB)
        many = many_at_once(stack, asked.mib * _MIB, asked.uploads)
        print(json.dumps({"one": large, "many": many}, indent=2))


if __name__ == "__main__":
    main()
