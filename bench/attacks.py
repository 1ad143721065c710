"""Attack a web server, and measure the effect on others: `python -m bench.attacks ATTACK`.

It starts its own servers and web processes, or with `--one-process` that server. Each attack
prints a line of JSON: the times of `/healthz` during the attack, the memory of the web process, and
the results of the attack. `--tree` runs the code of another folder, such as an older version.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from bench import attackers
from bench.attackers import MIB, Address
from bench.probing import probing, taking
from bench.serving import serving
from bench.worst_cases import worst_cases
from callboard.config.environment import bare_environment
from tests.eventually import eventually
from tests.system.stack import Stack, free_port

ROOT: Final = Path(__file__).parents[1]
_BATCH_BYTES: Final = 16 * MIB
_RESULT_BYTES: Final = 8 * MIB
_OPERATIONS: Final = "tests.system.operations,attacked"
_PROGRAM: Final = "from callboard.client.cli import main; main()"
_OLD_PROGRAM: Final = "from ops.cli import main; main()"
_QUIET_S: Final = 3.0
_BETWEEN_S: Final = 0.25
_STOPS_S: Final = 0.01
_MAX_STOP_S: Final = 0.1

Figures = dict[str, Any]


@dataclass(frozen=True)
class Victim:
    """The attacked server.

    Attributes:
        process: the serving process.
        staging: its folder for buffered results.
    """

    url: str
    address: Address
    process: psutil.Process
    staging: Path | None = None
    stack: Stack | None = None


def chunks(victim: Victim, seconds: float) -> Figures:
    """Four connections send bodies in chunks of one byte at 5 MB/s."""
    head = (
        b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer nobody\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    until = time.monotonic() + seconds
    send = partial(
        attackers.drip, victim.address, head=head, piece=b"1\r\n \r\n", rate=5_000_000, until=until
    )
    return {"connections": int(sum(attackers.together([send] * 4)))}


def unread(victim: Victim, seconds: float) -> Figures:
    """300 connections request `/openapi.json` a hundred times each, and read nothing."""
    request = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100
    until = time.monotonic() + seconds
    ask = partial(attackers.ask_and_never_read, victim.address, request, until=until)
    kept = attackers.together([ask] * 300)
    return {"kept_s": _middle(kept)}


def bodies(victim: Victim, seconds: float) -> Figures:
    """40 connections send batches of 16 MiB except 64 bytes, then a byte every 20 s."""
    body = attackers.batch_of_one(attackers.nested_maps(_BATCH_BYTES - 128))
    head = attackers.post("/v1/batches", body, "application/msgpack")[: -len(body)]
    until = time.monotonic() + seconds
    send = partial(attackers.begin_and_dawdle, victim.address, head, body, pause_s=20, until=until)
    kept = attackers.together([send] * 40)
    return {"kept_s": _middle(kept)}


def dripping(victim: Victim, seconds: float) -> Figures:
    """600 connections send small bodies, a byte of each every second."""
    head = attackers.post("/v1/jobs", b" " * 1000, "application/json")[:-1000]
    until = time.monotonic() + seconds
    made = attackers.drip_bodies(victim.address, head, count=600, pause_s=1, until=until)
    return {"connections": made}


def staged(victim: Victim, seconds: float) -> Figures:
    """60 connections request a result of 8 MiB and read nothing."""
    job = _ended(victim, {"operation": "large", "params": {"size": _RESULT_BYTES}})
    request = f"GET /v1/jobs/{job}/result HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    until = time.monotonic() + seconds
    ask = partial(attackers.ask_and_never_read, victim.address, request, until=until)
    kept = attackers.together([ask] * 60)
    return {"kept_s": _middle(kept)}


def maps(victim: Victim, _seconds: float) -> Figures:
    """One body of 1 MiB, and one batch of 16 MiB, of empty maps in msgpack."""
    one = attackers.nested_maps(MIB - 128)
    many = attackers.batch_of_one(attackers.nested_maps(_BATCH_BYTES - 128))
    found = {}
    for name, path, body in (("1_mib", "/v1/jobs", one), ("16_mib", "/v1/batches", many)):
        request = attackers.post(path, body, "application/msgpack")
        found[name] = attackers.exchange(victim.address, request)
    return found


def table(victim: Victim, _seconds: float) -> Figures:
    """Each of the worst requests alone: its status, its seconds, and the longest stall.

    It prints a line for each, and first the times of `/healthz` on an idle server.
    """
    job = _ended(victim, {"operation": "anything", "params": {}})
    asked = []
    with taking(victim.url, every_s=_STOPS_S) as taken:
        attackers.pause(_QUIET_S)
        asked.append(("nothing", 0, time.monotonic() - _QUIET_S, time.monotonic()))
        for case in worst_cases(job):
            began = time.monotonic()
            status, _ = attackers.exchange(victim.address, case.request)
            asked.append((case.name, status, began, time.monotonic()))
            attackers.pause(_BETWEEN_S)
    stops = []
    for name, status, began, ended in asked:
        until = ended + _BETWEEN_S
        stop = max(took for at, took in taken if at + took >= began and at <= until)
        stops.append(stop)
        row = [name, status, round(ended - began, 3), round(stop, 3)]
        print(json.dumps(row, ensure_ascii=False), flush=True)
    late = sum(each > _MAX_STOP_S for each in stops[1:])
    return {"requests": len(stops) - 1, "max_stall_s": round(max(stops[1:]), 3), "late": late}


ATTACKS: Final[dict[str, Callable[[Victim, float], Figures]]] = {
    each.__name__: each for each in (chunks, unread, bodies, dripping, staged, maps, table)
}


def _ended(victim: Victim, submission: dict[str, Any]) -> str:
    """Run a job, and return its id."""
    response = httpx.post(
        f"{victim.url}/v1/jobs", json=submission, headers={"Prefer": "wait=60"}, timeout=90
    )
    return str(response.json()["id"])


def _middle(values: list[float]) -> float:
    return round(sorted(values)[len(values) // 2], 1)


@contextmanager
def _gunicorn(tree: Path) -> Iterator[Victim]:
    more = {"CALLBOARD_OPERATIONS": _operations(tree), "PYTHONPATH": _path(tree)}
    with serving(tree, CALLBOARD_API_KEYS="", **more) as stack:
        stack.worker(**more)
        stack.await_workers(1)
        web = psutil.Process(stack.started[0].process.pid)
        (process,) = web.children()
        yield Victim(stack.url, ("127.0.0.1", stack.port), process, stack.folder / "files", stack)


@contextmanager
def _one_process(tree: Path) -> Iterator[Victim]:
    port, folder = free_port(), Path(tempfile.mkdtemp())
    settings = {
        "CALLBOARD_PORT": str(port),
        "CALLBOARD_OPERATIONS": _operations(tree),
        "CALLBOARD_RESOURCES": "gpu=2",
        "CALLBOARD_STORAGE_URL": str(folder / "files"),
        "PYTHONPATH": _path(tree),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _OLD_PROGRAM if _is_old(tree) else _PROGRAM, "dev"],
        cwd=tree,
        env=bare_environment(**settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(url), what="the one-process server serves", timeout=180)
        yield Victim(url, ("127.0.0.1", port), psutil.Process(process.pid), folder / "files")
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _path(tree: Path) -> str:
    return os.pathsep.join((str(tree), str(ROOT / "bench" / "targets")))


def _is_old(tree: Path) -> bool:
    """Whether its packages are not yet in `callboard`."""
    return not (tree / "client").is_dir()


def _operations(tree: Path) -> str:
    return _OPERATIONS.partition(",")[0] if _is_old(tree) else _OPERATIONS


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def main() -> None:
    """Run attacks one after the other, each on a new server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attacks", nargs="+", choices=[*ATTACKS, "all"])
    parser.add_argument("--one-process", action="store_true")
    parser.add_argument("--seconds", type=float, default=25)
    parser.add_argument(
        "--tree", type=Path, action="append", help="may be repeated; the trees take turns"
    )
    chosen = parser.parse_args()
    names = list(ATTACKS) if "all" in chosen.attacks else chosen.attacks
    start = _one_process if chosen.one_process else _gunicorn
    for name, tree in product(names, chosen.tree or [ROOT]):
        load = os.getloadavg()[0]
        with start(tree) as it, probing(it.url, it.process, it.staging) as seen:
            met = ATTACKS[name](it, chosen.seconds)
        about = {"attack": name, "tree": tree.name, "load": round(load, 1)}
        print(json.dumps({**about, **seen, **met}), flush=True)


if __name__ == "__main__":
    main()
