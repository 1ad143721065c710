"""Lists the files on a job's three walks: `python -m tools.walks`.

It submits, runs and reads one job in the one-process server, and records the modules of ours in
which a function runs. A request starts with a call of falcon's application, and a run with a
message that dramatiq's worker processes; both are library calls, so the count needs no list of our
own names. Work of other threads (housekeeping, heartbeats, publishing) is not part of a walk.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

ROOT: Final = Path(__file__).parents[1]
WALKS: Final = ("submit", "run", "read")

_OPERATION: Final = """\
import time
from pathlib import Path

from callboard import operation

@operation()
def double(number: int) -> int:
    while not Path("awaited").exists():  # so that the first reader waits, however late it comes
        time.sleep(0.05)
    return 2 * number
"""
_RECORDER: Final = """\
import atexit, json, sys, threading
from pathlib import Path

HERE, TOLD = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
passed = {"submit": {}, "run": {}, "read": {}, "request": {}}
current = threading.local()
known = {}

def ours(name):
    if name not in known:
        path = Path(name).resolve()
        inside = path.is_relative_to(HERE) and "site-packages" not in path.parts
        known[name] = str(path.relative_to(HERE)) if inside else None
    return known[name]

def begins(frame):
    code = frame.f_code
    if code.co_name == "__call__" and code.co_filename.endswith("falcon/app.py"):
        request = frame.f_locals["env"]
        if request["REQUEST_METHOD"] == "POST":
            return "submit"
        return "read" if "/v1/jobs/" in request["PATH_INFO"] else "request"
    if code.co_name == "process_message" and code.co_filename.endswith("dramatiq/worker.py"):
        return "run"
    return None

def record(frame, event, _value):
    walk, root = getattr(current, "walk", (None, None))
    if event == "call":
        if walk is None:
            walk = begins(frame)
            if walk is not None:
                current.walk = (walk, frame)
        elif name := ours(frame.f_code.co_filename):
            passed[walk].setdefault(name)
    elif event == "return" and frame is root:
        current.walk = (None, None)

atexit.register(lambda: TOLD.write_text(json.dumps({k: list(v) for k, v in passed.items()})))
threading.setprofile(record)
sys.argv[:] = ["callboard", *sys.argv[3:]]
from callboard.client.cli import main
main()
"""


def main() -> None:
    """Print each walk: its number of files, and their names in the order of their first call."""
    found = walks()
    for walk in WALKS:
        own = [name for name in found[walk] if name not in found["request"]]
        print(f"{walk}: {len(found[walk])} files, {len(own)} of its own")
        for name in found[walk]:
            print(f"  {name}" if name in own else f"  ({name})")


def walks() -> dict[str, list[str]]:
    """Submit, run and read a job; map each walk to its files.

    `request` has the files of a request that does not concern jobs.

    Raises:
        RuntimeError: the server does not start, or the job does not succeed.
    """
    with tempfile.TemporaryDirectory(prefix="walks-") as place:
        folder = Path(place)
        (folder / "walked_operations.py").write_text(_OPERATION)
        (folder / "recorder.py").write_text(_RECORDER)
        told = folder / "walks.json"
        with _server(folder, told) as url:
            _submit_and_read(url, folder / "awaited")
        found: dict[str, list[str]] = json.loads(told.read_text())
        return found


@contextmanager
def _server(folder: Path, told: Path) -> Iterator[str]:
    environment = {"PATH": os.defpath, "CALLBOARD_LOG_LEVEL": "error"}
    command = [sys.executable, "recorder.py", str(ROOT), str(told), "dev", "--port", "0"]
    server = subprocess.Popen(
        [*command, "walked_operations"],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        first = server.stdout.readline()
        if not first.startswith("Callboard at "):
            raise RuntimeError("the server did not start")
        yield first.split()[-1]
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _submit_and_read(url: str, awaited: Path) -> None:
    httpx.get(f"{url}/v1/operations/double", timeout=30).raise_for_status()
    asked = {"operation": "double", "params": {"number": 21}}
    job = httpx.post(f"{url}/v1/jobs", json=asked, timeout=30).raise_for_status().json()
    for _ in range(10):
        read = httpx.get(
            f"{url}/v1/jobs/{job['id']}", headers={"Prefer": "wait=1"}, timeout=30
        ).raise_for_status()
        if read.json()["status"] == "succeeded":
            return
        awaited.touch()
    raise RuntimeError("the job did not succeed")


if __name__ == "__main__":
    main()
