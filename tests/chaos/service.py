"""One long-lived process of the installation, restarted whenever it ends, like systemd."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import psutil

from tests.eventually import eventually
from tests.system.stack import ROOT

_LOOK_SECONDS: Final = 0.2
_ORPHANS_SECONDS: Final = 8.0
STOP_SECONDS: Final = 60.0


class Service:
    """Runs a line of the Procfile, and restarts it when its main process ends.

    The rest of its process group has a few seconds to end, and is then killed.
    """

    def __init__(self, name: str, line: str, environment: Mapping[str, str], log: Path) -> None:
        self.name: Final = name
        self._line = line
        self._environment = dict(environment)
        self._log = log
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, name=name, daemon=True)
        self.starts = 0

    def start(self) -> None:
        """Start it now, and again whenever it ends, until `close`."""
        self._spawn()
        self._thread.start()

    def end(self) -> None:
        """Stop it as an administrator would, without a restart."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGTERM)

    def close(self) -> list[str]:
        """Wait until it has stopped; report what had to be killed."""
        self.end()
        process = self._process
        if process is None:
            return []
        stopped = _wait(lambda: process.poll() is not None, STOP_SECONDS)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()
        return [] if stopped else [f"{self.name} did not stop within {STOP_SECONDS:g} s"]

    @property
    def main(self) -> psutil.Process | None:
        """The started process, if it runs."""
        return _process(self._process.pid) if self._process is not None else None

    def workers(self) -> list[psutil.Process]:
        """Return the working processes: the children of the main one."""
        main = self.main
        return [] if main is None else _children(main)

    def grandchildren(self) -> list[psutil.Process]:
        """Return what the workers started: the children of functions, and their fork server."""
        return [each for worker in self.workers() for each in _children(worker, recursive=True)]

    def _keep_running(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            process = self._process
            if process is not None and process.poll() is not None:
                _wait(lambda pid=process.pid: not _is_group(pid), _ORPHANS_SECONDS)
                _signal_group(process.pid, signal.SIGKILL)
                if not self._stop.is_set():
                    self._spawn()

    def _spawn(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", self._line],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1


def processes_of(namespace: str) -> list[psutil.Process]:
    """Find every process of an installation, whatever its parent is."""
    return [each for each in psutil.process_iter() if _belongs(each, namespace)]


def _belongs(process: psutil.Process, namespace: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and process.environ().get("CALLBOARD_NAMESPACE") == namespace
    except psutil.Error:
        return False


def _children(process: psutil.Process, *, recursive: bool = False) -> list[psutil.Process]:
    try:
        found = process.children(recursive=recursive)
        return [each for each in found if "resource_tracker" not in " ".join(each.cmdline())]
    except psutil.Error:
        return []


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def _is_group(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    try:
        return eventually(condition, what="it", timeout=seconds, interval=0.05)
    except AssertionError:
        return False
