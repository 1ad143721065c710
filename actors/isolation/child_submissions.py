"""Submissions by a function in a child: the worker submits the jobs and returns their ids."""

import itertools
import queue
import threading
from collections.abc import Mapping
from typing import Any, Final

from callboard.actors.isolation import messages
from callboard.actors.isolation.channel import MessageChannel

_LOOK_SECONDS: Final = 0.1
"""An unbounded wait could not be interrupted."""


class ChildSubmissions:
    """Sends submissions to the worker, from any thread of a child, and waits for the replies."""

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
        """Let the worker submit a job, and return its id.

        Raises:
            CallboardError: the submission was refused.
            Closed: the worker is gone.
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
        """Pass a reply of the worker to the thread that waits for it, if it still does."""
        waiting = self._waiting.get(message["number"])
        if waiting is not None:
            waiting.put(message)
