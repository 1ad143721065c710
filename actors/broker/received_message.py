"""A message that a worker holds and can return to its queue."""

from datetime import timedelta
from typing import Any

from dramatiq import Message, MessageProxy

AT_ONCE = timedelta(0)


class ReceivedMessage(MessageProxy):
    """A message that can be requeued rather than acknowledged.

    Args:
        redelivered: whether this message was delivered before.
        level: the level that it was published at; higher levels go first.
    """

    def __init__(self, message: Message[Any], *, redelivered: bool, level: int = 0) -> None:
        super().__init__(message)
        self.level = level
        self.redelivered = redelivered
        self.requeue_after: timedelta | None = None

    def __str__(self) -> str:
        """Name the message in logs without its parameters, which may be secret."""
        return f"{self.actor_name} {self.message_id}"

    def requeue(self, *, after: timedelta = AT_ONCE) -> None:
        """Return the message to its queue once the worker has finished with it.

        Requeued, it is neither acknowledged nor rejected, whatever else happens to it. Until
        `after` has passed it still counts against this worker's prefetch.
        """
        self.requeue_after = after
