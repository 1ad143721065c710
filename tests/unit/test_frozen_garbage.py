"""The garbage collector ignores what a web process loads at its start."""

import subprocess
import sys
from typing import Final

import pytest

from callboard.config.environment import bare_environment
from tests.system.stack import ROOT

MIN_FROZEN: Final = 10_000

ONE_PROCESS: Final = """\
from callboard.ops.servers.web import give_turns
give_turns()
"""
GUNICORN: Final = """\
from callboard.ops.servers.web import create
create()
"""
SERVERS: Final = {
    "CALLBOARD_BROKER_URL": "amqp://127.0.0.1:1",
    "CALLBOARD_REDIS_URL": "redis://127.0.0.1:1",
}
FROZEN: Final = "import gc; print(gc.get_freeze_count())"


@pytest.mark.parametrize("start", [ONE_PROCESS, GUNICORN], ids=["one process", "gunicorn"])
def test_objects_loaded_at_the_start_are_frozen(start: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", start + FROZEN],
        cwd=ROOT,
        env=bare_environment(**SERVERS),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > MIN_FROZEN
