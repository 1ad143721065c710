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
    ("files", "clients"),
    [(192, 54), (256, 109), (1024, 658), (4096, 3291), (14_256, 12_000), (65_536, 12_000)],
)
def test_one_of_six_clients_has_room_for_a_file_besides(files: int, clients: int) -> None:
    assert room_for_clients(files) == clients
    assert clients + clients // 6 <= files - min(256, max(128, files // 4))


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
