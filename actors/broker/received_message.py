"""A message that a worker holds and can return to its queue, and the run of its job."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dramatiq import Message, MessageProxy

if TYPE_CHECKING:
    from callboard.actors.runs import Run

AT_ONCE = timedelta(0)


class ReceivedMessage(MessageProxy):
    """A message that can be requeued rather than acknowledged.

    Args:
        redelivered: whether this message was delivered before.
        level: the level that it was published at; higher levels go first.

    Attributes:
        run: the run of its job, from the claim until its outcome is recorded.
    """

    def __init__(self, message: Message[Any], *, redelivered: bool, level: int = 0) -> None:
        super().__init__(message)
        self.level = level
        self.redelivered = redelivered
        self.requeue_after: timedelta | None = None
        self.run: Run | None = None

    @property
    def args(self) -> tuple[Any, ...]:  # type: ignore[override]  # dramatiq only reads it
        """What the actor is called with besides the parameters: the run of a claimed job."""
        return self._message.args if self.run is None else (self.run,)

    def __str__(self) -> str:
        """Name the message in logs without its parameters, which may be secret."""
        return f"{self.actor_name} {self.message_id}"

    def requeue(self, *, after: timedelta = AT_ONCE) -> None:
        """Return the message to its queue once the worker has finished with it.

        Requeued, it is neither acknowledged nor rejected, whatever else happens to it. Until
        `after` has passed it still counts against this worker's prefetch.
        """
        self.requeue_after = after
