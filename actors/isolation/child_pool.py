"""The child processes of one worker: one for each thread, reused."""

import select
import signal
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Final, Self

from callboard.actors.isolation.channel import Closed, MessageChannel
from callboard.actors.isolation.fork_client import ForkClient, ForkedChild, number_of
from callboard.actors.isolation.messages import Message
from callboard.actors.isolation.operations_process import START_SECONDS
from callboard.actors.processes.process_tree import ProcessTree
from callboard.config import Settings
from callboard.jobs.operation_rules import Start
from callboard.jobs.registry import Registry

MAX_JOBS: Final = 100
"""How many runs one child serves, so that leftovers of functions do not accumulate."""

TAKES_SECONDS: Final = 10.0
ANSWERS_SECONDS: Final = 30.0
"""How long the fork server and children may take for what normally takes milliseconds."""

ROOM: Final = 4
"""A used child that has grown by more than this part of a limit is not used under it."""


ROUGHLY: Final = 1 << 62
"""More than any process uses, so that shared pages are counted the quick way."""

FORKED: Final[tuple[Start, ...]] = ("fork",)


class ChildGone(Exception):
    """The child process has ended.

    Attributes:
        exit_code: negative for a signal; None if it is unknown.
    """

    def __init__(self, exit_code: int | None) -> None:
        self.exit_code: Final = exit_code
        super().__init__(str(exit_code))


class ChildHandle:
    """One child, for the worker's thread that uses it.

    Args:
        forked_child: owned by this object from now on.
        start: how it was started.
        answers_within: seconds; a child that does not begin a function by then is taken to hang.
    """

    def __init__(
        self,
        forked_child: ForkedChild,
        *,
        start: Start = "fork",
        answers_within: float = ANSWERS_SECONDS,
    ) -> None:
        self.start: Final = start
        self.answers_within: Final = answers_within
        self.pid: Final = forked_child.pid
        self.process_tree: Final = ProcessTree(forked_child.pid)
        self._born_bytes = self.process_tree.used_bytes(ROUGHLY)
        self.jobs = 0
        self._channel = MessageChannel(forked_child.channel)
        self._exit_channel = forked_child.exit_channel
        self._waiting = select.poll()
        self._waiting.register(forked_child.channel, select.POLLIN)
        self._waiting.register(forked_child.exit_channel, select.POLLIN)

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            ChildGone: the child has ended or does not read.
        """
        try:
            self._channel.send(message, timeout=TAKES_SECONDS)
        except Closed:
            raise ChildGone(self._exit_code()) from None

    def receive(self, timeout: float) -> Message | None:
        """Wait for a message; None if none arrives within `timeout` seconds.

        Raises:
            ChildGone: the child has ended, and all of its messages were received.
        """
        try:
            message = self._channel.receive(0)
            if message is not None or not self._waiting.poll(timeout * 1000):
                return message
            over = self.has_ended()  # checked first: its last message has arrived by then
            message = self._channel.receive(0)
        except Closed:
            raise ChildGone(self._exit_code()) from None
        if message is None and over:
            # A process that the function forked may still hold the other end.
            raise ChildGone(self._exit_code())
        return message

    def has_ended(self) -> bool:
        """Return whether the child or its fork server has ended."""
        waiting = select.poll()
        waiting.register(self._exit_channel, select.POLLIN)
        return bool(waiting.poll(0))

    def has_room(self, memory_bytes: int | None) -> bool:
        """Return whether the memory that earlier functions left in use leaves enough."""
        if memory_bytes is None or self.jobs == 0:
            return True
        return self.process_tree.used_bytes(ROUGHLY) - self._born_bytes <= memory_bytes / ROOM

    def terminate(self) -> None:
        """Send SIGTERM to the child and all processes that it started."""
        self.process_tree.signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the child and all processes that it started."""
        self.process_tree.kill()

    def discard(self) -> None:
        """Close the channels to the child, which ends what is left of it."""
        self.kill()
        self._channel.close()
        self._exit_channel.close()

    def _exit_code(self) -> int | None:
        """Return the exit code; kill a child that closed its channel but still runs."""
        waiting = select.poll()
        waiting.register(self._exit_channel, select.POLLIN)
        if not waiting.poll(1000):
            self.kill()
            waiting.poll(TAKES_SECONDS * 1000)
        return number_of(self._exit_channel) if self.has_ended() else None


class ChildPool:
    """Lends child processes to the threads of a worker.

    Args:
        modules: the modules of operations to import; none if no operation needs a child.
        log_format, log_level: the log settings of the children.
        max_jobs: the number of jobs that one child runs.
        answers_within: seconds; a child that begins later is replaced, once it has imported
            what it needs.
        starts: the start methods that are needed.
    """

    def __init__(
        self,
        modules: Sequence[str],
        *,
        log_format: str,
        log_level: str,
        max_jobs: int = MAX_JOBS,
        answers_within: float = ANSWERS_SECONDS,
        starts: Collection[Start] = FORKED,
    ) -> None:
        self._answers_within: dict[Start, float] = {"fork": answers_within, "spawn": START_SECONDS}
        self._max_jobs = max_jobs
        self._needed = bool(modules)
        self._fork_clients: dict[Start, ForkClient] = {
            start: ForkClient(
                modules,
                log_format=log_format,
                log_level=log_level,
                answers_within=answers_within,
                start=start,
            )
            for start in starts
        }
        self._lock = threading.Lock()
        self._idle: dict[Start, list[ChildHandle]] = {start: [] for start in starts}
        self._closed = False

    @classmethod
    def of(cls, registry: Registry, settings: Settings) -> Self:
        """Create the pool for the operations of a registry that run in child processes."""
        apart = [each for each in registry if each.rules.isolation == "process"]
        modules = sorted({each.__module__ for each in apart})
        return cls(
            modules,
            log_format=settings.log_format,
            log_level=settings.log_level,
            starts={each.rules.start for each in apart},
        )

    def start(self) -> None:
        """Start the fork servers, so that the first job does not wait for them."""
        for fork_client in self._fork_clients.values() if self._needed else ():
            fork_client.start()

    def acquire(
        self,
        proceed: Callable[[], None],
        *,
        start: Start = "fork",
        memory_bytes: int | None = None,
    ) -> ChildHandle:
        """Return an idle child.

        Args:
            proceed: called while a child starts; raises if the run must stop waiting.
            start: the start method.
            memory_bytes: the memory limit of the next function, which leftovers must not reduce.

        Raises:
            Crashed: no child could be started.
        """
        while True:
            with self._lock:
                child = self._idle[start].pop() if self._idle[start] else None
            if child is None:
                forked_child = self._fork_clients[start].fork(proceed)
                return ChildHandle(
                    forked_child, start=start, answers_within=self._answers_within[start]
                )
            if not child.has_ended() and child.has_room(memory_bytes):
                return child
            child.discard()

    def release(self, child: ChildHandle, *, unharmed: bool) -> None:
        """Return a child to the pool; reuse it if it is `unharmed` and has not run too often."""
        child.jobs += 1
        with self._lock:
            if unharmed and child.jobs < self._max_jobs and not self._closed:
                self._idle[child.start].append(child)
                return
        child.discard()

    def close(self) -> None:
        """End all children, once no function runs any more."""
        with self._lock:
            self._closed = True
            idle = [child for each in self._idle.values() for child in each]
        for child in idle:
            child.discard()
        for fork_client in self._fork_clients.values():
            fork_client.close()
