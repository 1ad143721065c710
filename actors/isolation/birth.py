"""The worker's side of its nursery: start it, have it fork children, start another if it dies."""

import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from callboard.actors.isolation.nursery import FORK, NUMBER
from callboard.config.lines import get_logger
from callboard.jobs.errors import Crashed
from callboard.jobs.rules import Start

TRIES: Final = 3
START_SECONDS: Final = 300.0
"""For the imports of a new nursery."""

_LOOK_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 5.0
_PROGRAM: Final = """\
import json, sys
spec = json.loads(sys.argv[1])
sys.path[:] = spec["path"]
from callboard.actors.isolation.nursery import main
main(spec)
"""

log = get_logger(__name__)


class Birthplace:
    """Gives newborn children to the threads of a worker.

    Args:
        modules: with the operations that children are to know.
        log_format, log_level: how what functions log is written.
        answers_within: seconds; a nursery that has forked before and takes longer is replaced.
        start: `spawn` for children that import the modules themselves.
    """

    def __init__(
        self,
        modules: Sequence[str],
        *,
        log_format: str,
        log_level: str,
        answers_within: float,
        start: Start = "fork",
    ) -> None:
        self._answers_within = answers_within
        self._has_answered = False
        self._folder = Path.cwd()
        self._spec = {
            "modules": list(modules),
            "path": [str(self._folder / entry) for entry in sys.path],
            "log_format": log_format,
            "log_level": log_level,
            "start": start,
        }
        self._lock = threading.Lock()
        self._nursery: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False

    def start(self) -> None:
        """Start the nursery, unless it is there; it imports while others go on."""
        with self._lock:
            self._started()

    def close(self) -> None:
        """Have the nursery end, and with it all of its children."""
        with self._lock:
            self._closed = True
            self._stop()

    def newborn(self, proceed: Callable[[], None]) -> "Newborn":
        """Have a child forked; a nursery that was killed, or does not answer, is replaced.

        Args:
            proceed: asked while the nursery takes its time; raises when nobody waits any more.

        Raises:
            Crashed: there is none to be had.
        """
        for _ in range(TRIES):
            wire, cord, nursery = self._ask()
            within = self._answers_within if self._has_answered else START_SECONDS
            try:
                if _has_come(cord, proceed, within):
                    pid = number_of(cord)
                    if pid is not None:
                        self._has_answered = nursery is self._nursery
                        return Newborn(pid, wire, cord)
                else:
                    self._replace(nursery)
            except BaseException:
                wire.close()
                cord.close()
                raise
            wire.close()
            cord.close()
        raise Crashed("No process could be started for the function.")

    def _ask(self) -> tuple[socket.socket, socket.socket, "subprocess.Popen[bytes] | None"]:
        wire, far_wire = socket.socketpair()
        cord, far_cord = socket.socketpair()
        with far_wire, far_cord, self._lock:
            try:
                control = self._started()
                socket.send_fds(control, [FORK], [far_wire.fileno(), far_cord.fileno()])
            except OSError:
                # The cord's other end is closed now, as it is when the nursery dies later.
                self._stop()
            return wire, cord, self._nursery

    def _replace(self, nursery: "subprocess.Popen[bytes] | None") -> None:
        with self._lock:
            if nursery is None or nursery is not self._nursery:
                return
            log.error("nursery_silent", pid=nursery.pid)
            nursery.kill()  # one that is stopped hears nothing else
            self._stop()

    def _started(self) -> socket.socket:
        if self._closed:
            raise OSError("closed")
        if self._nursery is not None and self._nursery.poll() is not None:
            log.error("nursery_lost", exit_code=self._nursery.returncode)
            self._stop()
        if self._control is None:
            self._control, far = socket.socketpair()
            with far:
                self._nursery = self._launch(far.fileno())
                self._has_answered = False
        return self._control

    def _launch(self, control: int) -> subprocess.Popen[bytes]:
        spec: dict[str, Any] = {
            **self._spec,
            "control": control,
            "worker": os.getpid(),
        }
        return subprocess.Popen(  # noqa: S603 — it is this very Python
            [sys.executable, "-c", _PROGRAM, json.dumps(spec)],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            pass_fds=(control,),
            start_new_session=True,
        )

    def _stop(self) -> None:
        nursery, self._nursery = self._nursery, None
        control, self._control = self._control, None
        if control is not None:
            control.close()
        if nursery is None:
            return
        try:
            # One that still imports has no children to end.
            nursery.wait(_STOP_SECONDS if self._has_answered else 0)
        except subprocess.TimeoutExpired:
            nursery.kill()
            nursery.wait()


class Newborn:
    """A child that was just forked.

    Attributes:
        pid: of its process.
        wire: to it.
        cord: to the nursery, for its exit code; closing it ends the child.
    """

    def __init__(self, pid: int, wire: socket.socket, cord: socket.socket) -> None:
        self.pid: Final = pid
        self.wire: Final = wire
        self.cord: Final = cord


def number_of(cord: socket.socket) -> int | None:
    """Read a number that has come; None when its sender is gone."""
    try:
        packed = cord.recv(NUMBER.size, socket.MSG_WAITALL)
    except OSError:
        return None
    return int(NUMBER.unpack(packed)[0]) if len(packed) == NUMBER.size else None


def _has_come(cord: socket.socket, proceed: Callable[[], None], within: float) -> bool:
    waiting = select.poll()
    waiting.register(cord, select.POLLIN)
    end = time.monotonic() + within
    while not waiting.poll(_LOOK_SECONDS * 1000):
        proceed()
        if time.monotonic() > end:
            return False
    return True
