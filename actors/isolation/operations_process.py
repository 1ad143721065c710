"""A process that imports the operations for this one: how it is started, and how it begins."""

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
"""How long the imports of a new process may take."""

_PROGRAM: Final = """\
import importlib, json, sys
spec = json.loads(sys.argv[1])
sys.path[:] = spec["path"]
importlib.import_module(spec["program"]).main(spec)
"""


class OperationsProcess:
    """Starts such processes; each finds modules as this process did at this object's creation.

    Args:
        program: the name of the module whose `main` is called with the specification.
        modules: the modules of operations, passed as `modules`.
        log_format, log_level: its log settings.
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
        """Start a process with one end of a socket.

        Args:
            end: the process's end; close it here.
            told: further parts of the specification, as JSON.
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
    """Set such a process up: outlive signals to the other one, log like it, return the socket.

    Args:
        spec: the specification that `main` received.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A signal to that process may reach all; functions and requests have time to end.
        signal.signal(number, lambda _number, _frame: None)
    configure_logging(
        Settings.model_construct(log_format=spec["log_format"], log_level=spec["log_level"])
    )
    return socket.socket(fileno=spec["socket"])
