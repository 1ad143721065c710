"""Submissions by a function in a child: its worker makes them, and says what came of them."""

import itertools
import queue
import threading
from collections.abc import Mapping
from typing import Any, Final

from callboard.actors.isolation import messages
from callboard.actors.isolation.channel import MessageChannel

_LOOK_SECONDS: Final = 0.1
"""A wait without end would hear no interrupt."""


class ChildSubmissions:
    """Asks the worker, from any thread of a child, and waits for its answers."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[messages.Message]] = {}

    def ask(
        self,
        channel: MessageChannel,
        operation: str,
        params: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> str:
        """Have the worker submit a job, and give its id.

        Raises:
            CallboardError: it refused to.
            Closed: it no longer exists.
        """
        answers: queue.SimpleQueue[messages.Message] = queue.SimpleQueue()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = answers
        try:
            channel.send(messages.submitting(number, operation, params, options))
            while True:
                try:
                    return messages.job_id_of(answers.get(timeout=_LOOK_SECONDS))
                except queue.Empty:
                    continue
        finally:
            self._waiting.pop(number, None)

    def answer(self, message: messages.Message) -> None:
        """Pass on what the worker said to who asked, if they still wait."""
        waiting = self._waiting.get(message["number"])
        if waiting is not None:
            waiting.put(message)
