"""A child process: it runs the functions that its worker sends, one after another."""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any, Final, NoReturn

import structlog

from callboard.actors.coroutines.loop import OwnLoop
from callboard.actors.interrupts.guard import Guard
from callboard.actors.invocation.failures import account
from callboard.actors.invocation.invoke import invoke
from callboard.actors.isolation import messages
from callboard.actors.isolation.channel import Closed, MessageChannel
from callboard.actors.isolation.child_process import (
    OUT_OF_MEMORY,
    Ended,
    become_leader,
    heed_signals,
    limited_memory,
    wake_main_thread,
)
from callboard.actors.isolation.child_submissions import ChildSubmissions
from callboard.actors.isolation.random_generators import reseed
from callboard.actors.isolation.reuse import ReuseCheck
from callboard.jobs.errors import Interrupted, Interruption, OutOfMemory, StorageUnavailable
from callboard.jobs.files.file import File
from callboard.jobs.files.finalize import FinalizedFiles, finalize_files
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.files.inputs import take
from callboard.jobs.finish import encode_result
from callboard.jobs.job import Job
from callboard.jobs.operation import Operation
from callboard.jobs.registry import Registry
from callboard.jobs.submit_from_python import bind_submitter

REPORT_SECONDS: Final = 0.1


def run_child(end: socket, registry: Callable[[], Registry], generators: list[Any]) -> NoReturn:
    """Run functions in a newly forked process until its worker closes the channel.

    Args:
        end: this end of the channel to the worker.
        registry: returns the operations, which may be imported only now.
        generators: the random generators that came with the fork.
    """
    become_leader(end)
    reseed(generators)
    ChildRunner(MessageChannel(end), registry()).run()


class ChildAttempt:
    """One run of a function in a child."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self.asked = asked
        self.dirty = False
        self.guard = Guard()
        self.job = Job(asked["job_id"], asked["attempt"], self, tenant=asked["tenant"])
        self.job.begin_with(asked["saved"])
        self.job.files = self._folder = RunFiles(lambda: nullcontext(self._place()), prefix="made-")
        self._finalized = FinalizedFiles()

    def changed(self) -> None:
        """Record that the job has something to report."""
        self.dirty = True

    def stop(self, cause: Interrupted) -> None:
        """Tell the function to stop; called from another thread."""
        self.job.stop(cause)
        self.guard.interrupt()
        wake_main_thread()

    def arguments(self, operation: Operation) -> dict[str, Any]:
        """Return the function's arguments, with the files that the worker has fetched."""
        files = map(messages.file_of, self.asked["files"])
        return operation.parameters.arguments(self.asked["params"], partial(take, files))

    def finalize(self, found: Sequence[File]) -> None:
        """Finalize the files in the result."""
        self._finalized = finalize_files(
            found, self._folder, max_bytes=self.asked["max_file_bytes"]
        )

    @property
    def finalized(self) -> FinalizedFiles:
        """The files in the result."""
        return self._finalized

    def _place(self) -> Path:
        if not self.asked["folder"]:
            raise StorageUnavailable("Files can be neither read nor written at the moment.")
        return Path(self.asked["folder"])


class ChildRunner:
    """Runs functions in the main thread; another thread listens to the worker and reports."""

    def __init__(self, channel: MessageChannel, registry: Registry) -> None:
        self._channel = channel
        self._registry = registry
        self._asked: queue.SimpleQueue[ChildAttempt] = queue.SimpleQueue()
        self._attempt: ChildAttempt | None = None
        self._submissions = ChildSubmissions()
        self._coroutines = OwnLoop()

    def run(self) -> NoReturn:
        """Run functions until the connection to the worker ends; then end the process."""
        heed_signals(self._is_to_end)
        bind_submitter(self._submit)
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        self._reuse_check = ReuseCheck()
        while True:
            try:
                self._answer(self._asked.get())
            except (Ended, Closed):  # a message was cut off
                os._exit(128 + signal.SIGTERM)

    def _answer(self, attempt: ChildAttempt) -> None:
        try:
            answer = self._outcome(attempt)
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):  # the function may have put any object there
                    stream.flush()
            lost = self._reuse_check.put_back()
        self._attempt = None
        self._report(attempt)
        self._channel.send({**answer, "lost": lost})

    def _outcome(self, attempt: ChildAttempt) -> messages.Message:
        asked = attempt.asked
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**asked["log"])
        try:
            try:
                with limited_memory(asked["memory_bytes"]):
                    return self._done(attempt)
            except MemoryError as error:
                raise OutOfMemory.of(asked["memory_bytes"]) from error
        except Interruption:
            return {"kind": "interrupted"}
        except (Ended, Closed):
            raise
        except BaseException as error:  # noqa: BLE001 — it is the function's code
            return messages.failed(account(error))

    def _done(self, attempt: ChildAttempt) -> messages.Message:
        asked = attempt.asked
        operation = self._registry.get(asked["operation"])
        self._channel.send({"kind": "began"})
        try:
            returned = invoke(
                operation,
                partial(attempt.arguments, operation),
                job=attempt.job,
                guard=attempt.guard,
                coroutines=self._coroutines,
            )
        finally:
            self._channel.send({"kind": "returned"})
        attempt.finalize(returned.files)
        outcome = encode_result(returned.described(), max_bytes=asked["max_result_bytes"])
        return messages.done(outcome, attempt.finalized)

    def _listen(self) -> None:
        try:
            while True:
                attempt = self._attempt
                message = self._channel.receive(None if attempt is None else REPORT_SECONDS)
                if attempt is not None:
                    attempt.guard.press()
                    self._report(attempt)
                if message is not None:
                    self._heed(message)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BaseException:  # noqa: BLE001 — the worker's messages are no longer read
            os._exit(1)

    def _heed(self, message: messages.Message) -> None:
        if message["kind"] == "run":
            self._attempt = ChildAttempt(message)
            self._asked.put(self._attempt)
        elif message["kind"] == "submitted":
            self._submissions.answer(message)
        else:
            attempt = self._attempt  # the thread may end meanwhile
            if attempt is not None:
                attempt.stop(messages.cause_of(message))

    def _submit(self, operation: str, params: Mapping[str, Any], options: Mapping[str, Any]) -> str:
        return self._submissions.ask(self._channel, operation, params, options)

    def _report(self, attempt: ChildAttempt) -> None:
        if not attempt.dirty:
            return
        attempt.dirty = False
        changes = attempt.job.collect()
        if changes is not None:
            self._channel.send(messages.report(attempt.asked["job_id"], changes))

    def _is_to_end(self) -> bool:
        attempt = self._attempt
        return attempt is not None and attempt.job.cancelled
