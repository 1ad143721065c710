"""Operations that change their process, and one that reads its state."""

import decimal
import gc
import io
import locale
import logging
import logging.config
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from multiprocessing import shared_memory
from typing import Any, Final

import structlog

from callboard import Failure, operation

_pause = time.sleep  # noqa: TID251  # what functions do, while tests wait for conditions


def _raise(*_args: Any, **_more: Any) -> Any:
    raise RuntimeError("a function has left this")


class _Raising(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _raise(record)


def _dict_config() -> None:
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": True, "root": {}})


def _delete_folder() -> None:
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    shutil.rmtree(folder)


def _limit(kind: int, soft: int) -> None:
    resource.setrlimit(kind, (soft, resource.getrlimit(kind)[1]))


def _set_zone() -> None:
    os.environ["TZ"] = "Pacific/Auckland"  # noqa: TID251
    time.tzset()


def _close_stdout() -> None:
    sys.stdout.close()


def _set_environment() -> None:
    os.environ["LEFT_BEHIND"] = "1"  # noqa: TID251


WAYS: Final[dict[str, Callable[[], object]]] = {
    "record factory": lambda: logging.setLogRecordFactory(_raise),
    "filter": lambda: logging.getLogger().handlers[0].addFilter(_raise),
    "root filter": lambda: logging.getLogger().addFilter(_raise),
    "handler": lambda: logging.getLogger().addHandler(_Raising()),
    "formatter": lambda: logging.getLogger().handlers[0].setFormatter(None),
    "level": lambda: logging.getLogger().setLevel(logging.CRITICAL),
    "disable": lambda: logging.disable(logging.CRITICAL),
    "dictConfig": _dict_config,
    "basicConfig": lambda: logging.basicConfig(force=True, stream=io.StringIO()),
    "shutdown": logging.shutdown,
    "structlog": lambda: structlog.configure(processors=[_raise]),
    "stdout": _close_stdout,
    "stderr": lambda: setattr(sys, "stderr", None),
    "descriptor": lambda: os.close(2),
    "folder": _delete_folder,
    "umask": lambda: os.umask(0o777),
    "files": lambda: _limit(resource.RLIMIT_NOFILE, 40),
    "file size": lambda: _limit(resource.RLIMIT_FSIZE, 10),
    "processor": lambda: _limit(resource.RLIMIT_CPU, 1),
    "environment": _set_environment,
    "time zone": _set_zone,
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),
    "recursion": lambda: sys.setrecursionlimit(90),
    "garbage": gc.disable,
    "socket timeout": lambda: socket.setdefaulttimeout(0.001),
    "warnings": lambda: warnings.simplefilter("error"),
    "hook": lambda: setattr(threading, "excepthook", _raise),
    "path": lambda: sys.path.insert(0, "."),
    "processors": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    "mask": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}),
    "decimal": lambda: setattr(decimal.getcontext(), "prec", 2),
    "niceness": lambda: os.nice(3),
}
"""Changes that a function may make in any thread."""

WAYS_APART: Final[dict[str, Callable[[], object]]] = {
    "sigchld": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    "handler of a signal": lambda: signal.signal(signal.SIGUSR1, _raise),
    "timer": lambda: signal.setitimer(signal.ITIMER_REAL, 0.3),
    "thread": lambda: threading.Thread(target=_pause, args=(60,), daemon=True).start(),
    "program": lambda: subprocess.Popen(["sleep", "60"]),
    "hard limit": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "user": lambda: os.setegid(65534),
}


def _spoil(how: str) -> int:
    """Change the state of the process permanently."""
    {**WAYS, **WAYS_APART}[how]()
    return os.getpid()


# The worker has one of these once it publishes, perhaps during a read.
_OWN_THREADS = ("MainThread", "publisher")


def _look() -> dict[str, Any]:
    """Return the state of the process."""
    root = logging.getLogger()
    mask = os.umask(0o22)
    os.umask(mask)
    return {
        "folder": os.getcwd(),  # noqa: PTH109
        "umask": mask,
        "limits": [resource.getrlimit(kind) for kind in range(16)],
        "environment": dict(os.environ),  # noqa: TID251
        "zone": time.strftime("%Z"),
        "locale": locale.setlocale(locale.LC_ALL),
        "python": [sys.getrecursionlimit(), gc.isenabled(), socket.getdefaulttimeout()],
        "warnings": repr(warnings.filters),
        "path": list(sys.path),
        "hook": repr(threading.excepthook),
        "threads": sorted(
            each.name for each in threading.enumerate() if each.name not in _OWN_THREADS
        ),
        "processors": sorted(os.sched_getaffinity(0)),
        "mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
        "niceness": os.nice(0),
        "user": os.getegid(),
        "precision": decimal.getcontext().prec,
        "streams": [getattr(each, "closed", None) for each in (sys.stdout, sys.stderr)],
        "logging": [
            root.level,
            logging.root.manager.disable,
            len(root.filters),
            [[type(each).__name__, len(each.filters)] for each in root.handlers],
            repr(logging.getLogRecordFactory()),
            logging.getLogger("tests.kept").disabled,
        ],
        "program": subprocess.run(["sh", "-c", "exit 7"], check=False).returncode,
        "signals": [repr(signal.getsignal(each)) for each in (signal.SIGCHLD, signal.SIGUSR1)],
    }


logging.getLogger("tests.kept")
spoil = operation(name="spoil")(_spoil)
look = operation(name="look")(_look)
spoil_apart = operation(isolation="process", name="spoil_apart")(_spoil)
look_apart = operation(isolation="process", name="look_apart")(_look)


@operation(isolation="process", max_running=1)
def burn_apart(seconds: float) -> None:
    """Use processor time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


@operation(isolation="process", time_limit="500ms", stop_grace="0s")
def share_beyond_limit(name: str) -> None:
    """Create shared memory, and continue beyond the time limit."""
    shared_memory.SharedMemory(name=name, create=True, size=1 << 20)
    while True:
        try:
            _pause(60)
        except BaseException:  # noqa: BLE001
            continue


@operation
def refuse_politely() -> None:
    """Fail, so that a line is logged."""
    raise Failure("not today", retryable=False)
