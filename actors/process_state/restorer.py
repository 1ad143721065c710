"""Restores the state of a worker process that the functions in its threads change."""

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from callboard.actors.process_state.interpreter import interpreter_items, logging_items
from callboard.actors.process_state.kernel import kernel_items, thread_items
from callboard.actors.process_state.state import ProcessState, StateItem
from callboard.actors.process_state.subprocesses import Subprocesses
from callboard.actors.runs import Run, Runs
from callboard.jobs.errors import Interrupted
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

LOOK_SECONDS: Final = 0.1
"""The interval of checks, since functions may be many and short."""

log = get_logger(__name__)


@dataclass
class _Change:
    """A change found while other functions ran, which may still need it."""

    now: Any
    runs: set[Run] = field(default_factory=set)


class ProcessStateRestorer:
    """Restores what functions change of the process, and replaces the process if that fails.

    A function may change the process for as long as it runs, as with `os.umask`. So a change that
    is found when a function ends is restored once all functions have ended that
    ran at that moment; at once, or within 0.1 s where functions end one after another.

    Args:
        runs: of this process.
        replace: stops this process so that it is restarted; None if nothing would restart it.
        owns_process: whether only functions change this process; otherwise nothing is restored.
    """

    def __init__(
        self, runs: Runs, *, replace: Callable[[], object] | None, owns_process: bool
    ) -> None:
        self.programs: Final = Subprocesses(runs)
        self._replace = replace
        self._owns_process = owns_process
        self._lock = threading.Lock()
        self._active: set[Run] = set()
        self._changes: dict[StateItem, _Change] = {}
        self._is_due = False
        self._looked_at = 0.0
        self._thread_items = thread_items()
        self._state = ProcessState(())

    def start(self) -> None:
        """Record the process's state to restore; later imports are accepted as permanent."""
        if not self._owns_process:
            return
        sys.path[:] = [str(Path(entry).absolute()) for entry in sys.path]
        self._state = ProcessState([*kernel_items(), *interpreter_items(), *logging_items()])

    @contextmanager
    def during(self, run: Run) -> Iterator[None]:
        """Watch the process while a function runs, and restore it afterwards."""
        if run.operation.rules.isolation == "process":
            yield
            return
        thread = ProcessState(self._thread_items)
        with self._lock:
            self._active.add(run)
        try:
            yield
        except Interrupted as error:
            # Its traceback refers to the function's variables, and would keep them alive.
            interruption, run.interruption = run.interruption, None
            self.programs.end_left(interruption or error)
            raise
        finally:
            # Reaps forked processes that have ended, as the functions that left them do not.
            multiprocessing.active_children()
            self._tidy(run, thread)

    def look(self) -> None:
        """Restore what is due after functions ended, and end what blocks others."""
        self.programs.look()
        with self._lock:
            restored, lost = self._put_back() if self._is_due else ([], [])
        self._tell(restored, lost)

    def _tidy(self, run: Run, thread: ProcessState) -> None:
        changed = [item for item, _now in thread.changed()]
        lost = [item.name for item in changed if not thread.restore(item)]
        restored = [item.name for item in changed if item.name not in lost]
        with self._lock:
            self._active.discard(run)
            self._is_due = True
            if time.monotonic() - self._looked_at >= LOOK_SECONDS:
                more_restored, more_lost = self._put_back()
                restored, lost = restored + more_restored, lost + more_lost
        self._tell(restored, lost)

    def _put_back(self) -> tuple[list[str], list[str]]:
        due = self._due()
        lost = [item.name for item in due if not self._state.restore(item)]
        self._is_due = len(due) < len(self._changes)
        self._looked_at = time.monotonic()
        return [item.name for item in due if item.name not in lost], lost

    def _tell(self, restored: list[str], lost: list[str]) -> None:
        if restored:
            log.info(LogEvent.PROCESS_RESTORED, changed=restored)
        if lost:
            log.error(LogEvent.PROCESS_RESTORE_FAILED, changed=lost)
            if self._replace is not None:
                self._replace()

    def _due(self) -> list[StateItem]:
        """List changes that no function that may have made them still needs."""
        before, self._changes = self._changes, {}
        for item, now in self._state.changed():
            change = before.get(item)
            if change is None or change.now != now:
                change = _Change(now, set(self._active))
            change.runs &= self._active
            self._changes[item] = change
        return [item for item, change in self._changes.items() if not change.runs]
