"""Authors of operations start them with one command, see changes, and test them end to end."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from callboard.client import Client
from callboard.client.local_server import ServerDidNotStart, serving
from callboard.config.environment import bare_environment
from tests.eventually import eventually

pytestmark = pytest.mark.timeout(300)  # each starts a server or two

MINE = """\
from callboard import operation


@operation
def greet(name: str) -> str:
    return f"Hello {name}"
"""
CONFTEST = 'pytest_plugins = ["callboard.testing"]\n'
TEST = """\
def test_greeting(callboard):
    job = callboard.submit("greet", {"name": "ł"})
    assert callboard.result(job["id"], timeout=60) == "Hello ł"
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE, "utf-8")
    return tmp_path


@pytest.mark.parametrize("named", ["mine", "mine.py", "{folder}/mine.py"])
def test_a_module_or_its_file_is_served_on_any_free_port(mine: Path, named: str) -> None:
    with serving(named.format(folder=mine), folder=mine, timeout=120) as url, Client(url) as client:
        names = [each["name"] for each in client.operations()]

    assert names == ["greet"]


def test_a_server_offers_only_the_named_operations(tmp_path: Path) -> None:
    with serving(folder=tmp_path, timeout=120) as url, Client(url) as client:
        ready = httpx.get(f"{url}/readyz").status_code
        operations = client.operations()

    assert (ready, operations) == (200, [])


def test_a_missing_module_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerDidNotStart) as failed,
        serving("nowhere.py", folder=tmp_path, timeout=120),
    ):
        pass

    assert str(failed.value).splitlines()[1:] == ["callboard: file 'nowhere.py' not found"]


def test_a_changed_source_restarts_the_server(mine: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.txt"
    with told.open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "callboard.client.cli",
                "dev",
                "mine.py",
                "--port",
                "0",
                "--reload",
            ],
            cwd=mine,
            env=bare_environment(),
            stdout=log,
            stderr=log,
        )
    try:
        found = eventually(
            lambda: re.search(r"Callboard at (\S+)", told.read_text()),
            what="it serves",
            timeout=120,
        )
        (mine / "mine.py").write_text(MINE.replace("def greet", "def welcome"), "utf-8")
        eventually(
            lambda: "welcome" in httpx.get(f"{found[1]}/v1/operations").text,
            what="the new operation is there, at the same address",
            timeout=120,
            ignoring=(httpx.TransportError,),
        )
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)

    assert code == 0
    assert "mine.py has changed" in told.read_text()


def test_the_users_tests_get_a_client_of_their_own_server(mine: Path) -> None:
    (mine / "conftest.py").write_text(CONFTEST, "utf-8")
    (mine / "test_mine.py").write_text(TEST, "utf-8")
    (mine / "pytest.ini").write_text("[pytest]\ncallboard_operations = mine\n", "utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "test_mine.py"],
        cwd=mine,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert "1 passed" in done.stdout, done.stdout + done.stderr
