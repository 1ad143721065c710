"""A limit of open files leaves room for what serves, or nothing starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.descriptors import FEWEST_FILES, room_for_clients

SERVERS = {
    "CALLBOARD_BROKER_URL": "amqp://127.0.0.1:1",
    "CALLBOARD_REDIS_URL": "redis://127.0.0.1:1",
}


@pytest.mark.parametrize(
    ("files", "clients"), [(192, 32), (256, 64), (1024, 384), (4096, 1920), (65_536, 10_000)]
)
def test_each_client_has_room_for_a_file_besides(files: int, clients: int) -> None:
    assert room_for_clients(files) == clients
    assert 2 * clients <= files - 128


def _start(command: list[str], files: int, **settings: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(command[0])
    return subprocess.run(
        ["sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', program, *command[1:]],
        env={"PATH": os.defpath, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_web_server_that_could_serve_nobody_says_so_in_a_sentence() -> None:
    ended = _start(
        ["gunicorn", "--config", "config/gunicorn.py", "nothing:here"], FEWEST_FILES - 1, **SERVERS
    )

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "may hold 191 files open here, and serving takes 192" in ended.stderr


def test_the_one_process_server_says_the_same() -> None:
    ended = _start(["callboardctl", "dev", "--port", "1"], FEWEST_FILES - 1)

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "may hold 191 files open here, and serving takes 192" in ended.stderr
