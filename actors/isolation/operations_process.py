"""A process beside this one that imports the operations: how it is started, and how it begins."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from callboard.config import Settings
from callboard.telemetry.log_setup import configure_logging

START_SECONDS: Final = 300.0
"""For the imports of a new one."""

_PROGRAM: Final = """\
import importlib, json, sys
spec = json.loads(sys.argv[1])
sys.path[:] = spec["path"]
importlib.import_module(spec["program"]).main(spec)
"""


class OperationsProcess:
    """Starts such processes; each finds modules as this one did when this object was made.

    Args:
        program: name of the module whose `main` is called with what the process is told.
        modules: with the operations that it is to know; told as `modules`.
        log_format, log_level: how its log is written.
    """

    def __init__(
        self, program: str, modules: Sequence[str], *, log_format: str, log_level: str
    ) -> None:
        self._folder = Path.cwd()
        self._spec = {
            "program": program,
            "modules": list(modules),
            "path": [str(self._folder / entry) for entry in sys.path],
            "log_format": log_format,
            "log_level": log_level,
        }

    def start(self, end: socket.socket, **told: Any) -> subprocess.Popen[bytes]:
        """Start a process that has one end of a socket.

        Args:
            end: that the process gets; close it here.
            told: what else `main` is told, as JSON.
        """
        spec = {**self._spec, **told, "socket": end.fileno()}
        return subprocess.Popen(  # noqa: S603 — it is this very Python
            [sys.executable, "-c", _PROGRAM, json.dumps(spec)],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            pass_fds=(end.fileno(),),
            start_new_session=True,
        )


def begin(spec: Mapping[str, Any]) -> socket.socket:
    """Be such a process: outlive what stops the other one, log as that does, and give the socket.

    Args:
        spec: what `main` was told.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Who stops that process may send it to all; its functions and requests have time to end.
        signal.signal(number, lambda _number, _frame: None)
    configure_logging(
        Settings.model_construct(log_format=spec["log_format"], log_level=spec["log_level"])
    )
    return socket.socket(fileno=spec["socket"])
