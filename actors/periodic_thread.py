"""A supervised thread: it repeats one step and survives its failures."""

import threading
from collections.abc import Callable

from callboard.jobs.errors import StoreUnavailable
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

log = get_logger(__name__)


class PeriodicThread:
    """Calls a step at an interval until it is closed.

    A step that fails is logged and called again; an outage of Redis is logged once.

    Args:
        name: the thread's name, also in the log.
        step: called each time; must not block for long.
        interval: seconds between two steps.
    """

    def __init__(self, name: str, step: Callable[[], object], *, interval: float) -> None:
        self._name = name
        self._step = step
        self._interval = interval
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._away = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """Take the next step now."""
        self._hurry.set()

    def close(self, timeout: float = 5.0) -> None:
        """Stop after the current step; any thread may call this, repeatedly."""
        self._closing.set()
        self._hurry.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._hurry.clear()
            self._try()
            if not self._closing.is_set():
                self._hurry.wait(self._interval)

    def _try(self) -> None:
        try:
            self._step()
        except StoreUnavailable as error:
            if not self._away:
                log.warning(LogEvent.STORE_CONNECTION_LOST, loop=self._name, reason=str(error))
            self._away = True
        except Exception:
            log.exception(LogEvent.LOOP_FAILED, loop=self._name)
        else:
            if self._away:
                log.info(LogEvent.STORE_CONNECTION_RESTORED, loop=self._name)
            self._away = False
