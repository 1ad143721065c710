"""A message in a worker's hands, with the way back to where it came from."""

from datetime import timedelta
from typing import Any

from dramatiq import Message, MessageProxy

AT_ONCE = timedelta(0)


class ReceivedMessage(MessageProxy):
    """A message that can be requeued rather than acknowledged.

    Args:
        redelivered: whether this message was delivered before.
        level: at which it was published; the higher goes first.
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
        """Let the message return to its queue once the worker is through with it.

        Requeued, it is neither acknowledged nor rejected, whatever else happens to it. Until
        `after` has passed it still takes one of the places that this worker may fetch.
        """
        self.requeue_after = after
