"""The execution environment: working folders, files, child processes and event loops."""

from collections.abc import Callable
from typing import Final, TypeVar

from callboard.actors.coroutines.loop import SharedLoop
from callboard.actors.execution.outcome_recorder import GivenUpError, OutcomeRecorder
from callboard.actors.isolation.child_pool import ChildPool
from callboard.config import Settings
from callboard.jobs.errors import ShutDown
from callboard.jobs.fence import Fence
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.files.inputs import Inputs
from callboard.jobs.files.outputs import OutputBounds, Outputs
from callboard.jobs.files.storage import Storage
from callboard.jobs.operation import Operation
from callboard.jobs.saved_state import read_state
from callboard.jobs.store import Store

Answer = TypeVar("Answer")


class ExecutionEnvironment:
    """Provides the runs of one process with folders, inputs, outputs and child processes.

    Attributes:
        children: run functions in child processes.
        coroutines: run async functions in this process.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        storage: Storage,
        recorder: OutcomeRecorder,
        *,
        children: ChildPool,
    ) -> None:
        self.children = children
        self.coroutines: Final = SharedLoop()
        self._settings = settings
        self._store = store
        self._storage = storage
        self._recorder = recorder

    def close(self) -> None:
        """Close the child processes and the event loop, once no function runs any more."""
        self.children.close()
        self.coroutines.close()

    def folder(self) -> RunFiles:
        """Return an attempt's own folder, which is created when a file is put there."""
        return RunFiles(self._storage.folder)

    def saved(self, fence: Fence) -> bytes | None:
        """Read what earlier attempts saved.

        Raises:
            ShutDown: the process is about to end before Redis answers.
        """
        if fence.attempt == 1:
            return None
        return self.retry_until_answered(lambda: read_state(self._store, fence.job_id))

    def inputs(self, folder: RunFiles, *, tenant: str) -> Inputs:
        """Return an attempt's access to the files of a tenant."""
        return Inputs(
            self._store,
            self._storage,
            folder,
            tenant=tenant,
            retry_until_answered=self.retry_until_answered,
        )

    def outputs(self, folder: RunFiles, operation: Operation, *, tenant: str) -> Outputs:
        """Return what stores the results of an attempt."""
        bounds = self.bounds(operation)
        return Outputs(
            self._store,
            self._storage,
            folder,
            tenant=tenant,
            bounds=bounds,
            retry_until_answered=self.retry_until_answered,
        )

    def bounds(self, operation: Operation) -> OutputBounds:
        """Return the bounds on an attempt's results."""
        settings = self._settings
        return OutputBounds(
            result_bytes=operation.rules.max_result_bytes or settings.max_result_bytes,
            stored_bytes=settings.stored_result_bytes,
            files_bytes=settings.max_file_bytes,
            tenant_bytes=settings.tenant_storage_bytes,
        )

    def retry_until_answered(self, ask: Callable[[], Answer]) -> Answer:
        """Ask Redis until it answers.

        Raises:
            ShutDown: the process is about to end.
        """
        try:
            return self._recorder.retry_until_answered(ask)
        except GivenUpError as error:
            raise ShutDown("The worker stops.") from error
