"""The web process's side of the check process: starts it, asks it, replaces it if it ends."""

import socket
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from callboard.actors.isolation.channel import Closed, MessageChannel
from callboard.actors.isolation.operations_process import START_SECONDS, OperationsProcess
from callboard.config import Settings
from callboard.jobs.checked_parameters import Digests, Validated
from callboard.jobs.errors import InvalidParameters, OperationFault
from callboard.jobs.files.records import FileRecord
from callboard.jobs.operation import Operation
from callboard.jobs.pauses import with_pauses
from callboard.ops.checking.messages import packed, unpacked, use_of, written_record
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger

if TYPE_CHECKING:
    from subprocess import Popen

SMALL_BYTES: Final = 8 * 1024
"""Parameters up to this size, packed, are validated in place: that takes under a millisecond."""

WITHIN: Final = timedelta(seconds=60)
"""For one validation."""

AHEAD: Final = timedelta(seconds=30)
"""After the start of a server, when it has done what its own start takes."""

_TRIES: Final = 2
_TASK: Final = "check the parameters"
_PROGRAM: Final = "callboard.ops.checking.child"

log = get_logger(__name__)


class CheckProcess:
    """A `Check` that validates large parameters in a separate process, one at a time.

    Pydantic holds the interpreter's lock for as long as it validates, so no thread of this process
    could run meanwhile (ADR 50). The process starts with the first large parameters, or before that
    with `start_ahead`, and ends with this one. One that ends by itself is replaced, and the check
    is repeated once.

    Args:
        settings: name the modules with operations.
        within: the longest that a validation may take.
        small_bytes: packed parameters up to this size are validated in place.
    """

    def __init__(
        self, settings: Settings, *, within: timedelta = WITHIN, small_bytes: int = SMALL_BYTES
    ) -> None:
        self._program = OperationsProcess(
            _PROGRAM,
            settings.operations,
            log_format=settings.log_format,
            log_level=settings.log_level,
        )
        self._small_bytes = small_bytes
        self._within_s = within.total_seconds()
        self._turn = threading.Lock()
        self._process: Popen[bytes] | None = None
        self._channel: MessageChannel | None = None
        self._closed = threading.Event()

    @property
    def pid(self) -> int | None:
        """The pid of the check process; None while it is not running."""
        return None if self._process is None else self._process.pid

    def __call__(self, operation: Operation, params: Mapping[str, Any], /) -> Validated:
        """Validate JSON-like parameters of an operation.

        Raises:
            InvalidParameters: they do not fit; each error has a JSON Pointer.
            OperationFault: the operation's own code failed, ended its process or took too long.
        """
        sent = packed(params)
        if len(sent) <= self._small_bytes:
            return operation.validated(params)
        found = self._ask(operation, sent, None)
        kept = sent if found["params"] is None else found["params"]

        def digests(known: Mapping[str, FileRecord]) -> Digests:
            told = found
            if known:
                told = self._ask(operation, kept, [written_record(each) for each in known.values()])
            return Digests(told["fingerprint"], told["values"])

        return Validated(
            params if kept is sent else unpacked(kept),
            list(with_pauses(map(use_of, found["uses"]))),
            digests,
        )

    def start_ahead(self, after: timedelta = AHEAD) -> None:
        """Start the process in the background, so that no request waits for its imports.

        Args:
            after: how long to wait before that.
        """
        timer = threading.Timer(after.total_seconds(), self._start)
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """End the process, even while it starts; there will be no other."""
        self._closed.set()
        starting = self._process
        if starting is not None:
            starting.kill()
        with self._turn:
            self._stop()

    def _start(self) -> None:
        with self._turn:
            try:
                self._started()
            except (Closed, OSError):  # the first request that needs it tries again
                self._stop()

    def _ask(
        self, operation: Operation, params: bytes, files: list[dict[str, Any]] | None
    ) -> dict[str, Any]:
        message = {"kind": "check", "operation": operation.name, "params": params, "files": files}
        with self._turn:
            answer = self._answer(operation.name, message)
        if answer["kind"] == "invalid":
            raise InvalidParameters([(pointer, detail) for pointer, detail in answer["errors"]])
        if answer["kind"] == "fault":
            raise OperationFault(
                answer["text"], exception=answer["exception"], stack=answer["stack"]
            )
        return answer

    def _answer(self, operation: str, message: dict[str, Any]) -> dict[str, Any]:
        for _ in range(_TRIES):
            try:
                channel = self._started()
                channel.send(message)
                answer = channel.receive(self._within_s)
            except Closed:
                self._stop()
                log.warning(LogEvent.CHECK_PROCESS_LOST, operation=operation)
                continue
            except BaseException:  # its answer must not be taken for that of another request
                self._stop()
                raise
            if answer is not None:
                return answer
            self._stop()
            raise OperationFault(
                f"The operation {operation!r} failed to {_TASK}: "
                f"that took longer than {self._within_s:g} s."
            )
        raise OperationFault(f"The operation {operation!r} failed to {_TASK}: its process ended.")

    def _started(self) -> MessageChannel:
        """Return the channel to a process that is ready.

        Raises:
            Closed: there is none.
        """
        if self._closed.is_set():
            raise Closed
        if self._channel is None:
            ours, theirs = socket.socketpair()
            self._channel = MessageChannel(ours)
            with theirs:
                self._process = self._program.start(theirs)
            if self._closed.is_set() or self._channel.receive(START_SECONDS) is None:
                raise Closed
        return self._channel

    def _stop(self) -> None:
        channel, self._channel = self._channel, None
        process, self._process = self._process, None
        if channel is not None:
            channel.close()
        if process is not None:
            process.kill()
            process.wait()
