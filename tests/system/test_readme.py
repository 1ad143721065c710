"""The README's commands work as described."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from callboard.config.environment import bare_environment
from tests.eventually import eventually
from tests.system.stack import ROOT, free_port

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
STATUS = re.compile(r"HTTP/1\.1 (\d{3})")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The one-process server, started by the README's first block."""
    start, *_ = blocks()
    with serving(start.strip(), ROOT, tmp_path / "server.log") as url:
        yield url


@contextmanager
def serving(command: str, folder: Path, log: Path, **settings: str) -> Iterator[str]:
    """Start the one-process server by a command in a folder; return its URL."""
    port = free_port()
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command} --port {port}"],
            cwd=folder,
            env={**environment(), **settings},
            stdout=said,
            stderr=said,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(
            lambda: httpx.get(f"{url}/healthz").status_code == 200,
            what="the one-process server serves",
            timeout=30,
            ignoring=(httpx.TransportError,),
        )
        yield url
    finally:
        process.terminate()
        assert process.wait(30) == 0


def blocks() -> list[str]:
    """Return the README's shell commands."""
    return BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def environment() -> dict[str, str]:
    """Put this Python's commands on the path, like an activated virtual environment."""
    bare = bare_environment()
    return {**bare, "PATH": f"{Path(sys.executable).parent}:{bare['PATH']}"}


def test_the_readme_session_gives_the_answers_that_it_promises(server: str) -> None:
    _start, *rest = blocks()
    script = "".join(rest).replace("http://127.0.0.1:8000", server)

    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    statuses = [int(status) for status in STATUS.findall(done.stdout)]
    # Poll, wait, a submission that waits, a delayed one, its duplicate, its cancel, two equal keys.
    assert statuses[0] == statuses[1] == 200
    assert statuses[2] in {200, 202}
    assert statuses[3:6] == [202, 409, 200]
    assert set(statuses[6:]) <= {200, 202}
    assert "idempotency-replayed: true" in done.stdout.lower()
    clusters = json.loads(done.stdout[done.stdout.rindex('{\n  "clusters"') :])["clusters"]
    assert len(clusters) > 3
