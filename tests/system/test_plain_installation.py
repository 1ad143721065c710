"""The wheel with only its dependencies runs from any folder; a plain installation is a client."""

import importlib.metadata
import json
import os
import re
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
"""Environments with the locked packages; `make pythons` creates those of other Pythons."""

OPERATION: Final = """\
from callboard import operation

@operation()
def double(number: int) -> int:
    return 2 * number
"""
IMPORT_ALL: Final = """\
import importlib, pkgutil, sys
# pytest is there where `callboard.testing` is used: it is a plugin of it.
of_extras = {"opentelemetry", "pytest"}
package = importlib.import_module("callboard")
for found in pkgutil.walk_packages(package.__path__, "callboard."):
    # One is a file of gunicorn's, and one a program; `web` and `worker` run both.
    if found.name not in ("callboard.ops.servers.gunicorn_config", "callboard.ops.worker"):
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] not in of_extras:
                raise
"""

SERVER_PACKAGES: Final = {
    *("cronsim", "dramatiq", "fakeredis", "falcon", "gevent", "gunicorn", "honcho", "numpy"),
    *("obstore", "pika", "psutil", "pydantic", "redis", "structlog", "waitress"),
}
LINE: Final = (
    r"{wanted_by} needs the server part \(there is no '\w+' here\): "
    r"pip install 'callboard\[server\]'"
)

pytestmark = pytest.mark.timeout(400)  # modules are compiled at their first import


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=PYTHONS)
def server(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An environment with the wheel and its server part: no tools, no other extras."""
    made = tmp_path_factory.mktemp("server") / "environment"
    return installed(wheel, PYTHONS[request.param], made, extras=("server",))


@pytest.fixture(scope="module", params=PYTHONS)
def plain(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An environment with the wheel and its required dependencies, without extras."""
    made = tmp_path_factory.mktemp("plain") / "environment"
    return installed(wheel, PYTHONS[request.param], made)


def installed(wheel: Path, source: Path, made: Path, *, extras: tuple[str, ...] = ()) -> Path:
    python = source / "bin" / "python"
    subprocess.run([python, "-m", "venv", "--without-pip", made], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(made / "bin" / "python"), "install"]
    subprocess.run([*pip, "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    link_what_is_needed(source, made, extras)
    return made


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a team's operation, and with modules named like ours."""
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "team_operations.py").write_text(OPERATION)
    for name in ("actors", "api", "client", "config", "jobs", "ops", "telemetry"):
        (folder / f"{name}.py").write_text("raise RuntimeError('this is not the one')\n")
    return folder


@pytest.fixture
def stack(
    tmp_path: Path, server: Path, elsewhere: Path, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Stack]:
    redis_server.connect().flushall()
    with installation(tmp_path, rabbitmq, redis_server, "plain") as made, made.using(elsewhere):
        made.settings |= settings_of(server)
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


def test_every_installed_module_can_be_imported(server: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [server / "bin" / "python", "-c", IMPORT_ALL],
        cwd=tmp_path,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_a_plain_installation_has_no_package_of_the_server_part(plain: Path) -> None:
    (folder,) = plain.glob("lib/python3*/site-packages")
    found = {each.name.lower() for each in importlib.metadata.distributions(path=[str(folder)])}

    assert {"callboard", "click", "httpx", "rich"} <= found
    assert not SERVER_PACKAGES & found
    assert len(found) <= 15


def test_a_missing_server_part_names_the_command_that_installs_it(
    plain: Path, elsewhere: Path
) -> None:
    commands = {
        ("callboard", "dev"): "callboard dev",
        ("callboard", "dev", "--port", "0", "team_operations"): "callboard dev",
        ("callboardctl",): "callboardctl",
        ("callboardctl", "doctor"): "callboardctl",
        ("callboardctl", "web"): "callboardctl",
        ("callboardctl", "worker"): "callboardctl",
    }
    for command, wanted_by in commands.items():
        done = run(plain, elsewhere, *command)

        assert done.returncode == 2, command
        assert re.fullmatch(LINE.format(wanted_by=wanted_by) + "\n", done.stderr), done.stderr

    done = run(plain, elsewhere, "python", "-c", "from callboard import operation")

    expected = "ImportError: " + LINE.format(wanted_by=r"callboard\.operation")
    assert re.search(expected + "\n$", done.stderr.replace("ServerPartMissing", "ImportError"))


def test_the_command_and_the_client_of_a_plain_installation_work(
    server: Path, plain: Path, elsewhere: Path, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    with log.open("wb") as told:
        serving = subprocess.Popen(
            [server / "bin" / "callboard", "dev", "--port", "0", "team_operations"],
            cwd=elsewhere,
            env=bare_environment(),
            stdout=told,
            stderr=told,
        )
    try:
        found = eventually(
            lambda: re.search(r"Callboard at (\S+)", log.read_text()),
            what="it serves",
            timeout=4 * BOOT_SECONDS,
        )
        ran = run(plain, elsewhere, "callboard", "--url", found[1], "run", "double", "number=21")
        asked = f"from callboard import Client; print(Client({found[1]!r}).operations()[0]['name'])"
        called = run(plain, elsewhere, "python", "-c", asked)
    finally:
        serving.terminate()
        serving.wait(60)

    assert (ran.returncode, ran.stdout) == (0, "42\n"), ran.stderr
    assert called.stdout == "double\n", called.stderr


def test_web_and_worker_start_in_any_folder_with_options(stack: Stack) -> None:
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
    program = "callboard" if command == "dev" else "callboardctl"
    return stack.spawn([program, command, *options], command, PYTHONPATH="")


def run(environment: Path, folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of an environment, in a folder."""
    return subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=folder,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


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


def settings_of(server: Path) -> dict[str, str]:
    return {
        "PATH": f"{server / 'bin'}{os.pathsep}{bare_environment()['PATH']}",
        "CALLBOARD_OPERATIONS": "team_operations",
        "CALLBOARD_MAX_WAIT": "30s",
    }


def link_what_is_needed(source: Path, made: Path, extras: tuple[str, ...]) -> None:
    """Collect the wheel's transitive dependencies, in the versions of the source."""
    asked = [source / "bin" / "python", "-c", "import platform; print(platform.python_version())"]
    version = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    (target,) = made.glob("lib/python3*/site-packages")
    (origin,) = source.glob("lib/python3*/site-packages")
    (ours,) = importlib.metadata.distributions(path=[str(target)])
    there = {
        canonicalize_name(each.name): each
        for each in importlib.metadata.distributions(path=[str(origin)])
    }
    left = [(line, extra) for line in ours.requires or () for extra in ("", *extras)]
    seen = set()
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
