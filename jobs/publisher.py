"""What the core needs from a message broker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from callboard.jobs.submission import Submission


@dataclass(frozen=True)
class Wakeup:
    """One message to publish.

    Attributes:
        number: the wake-up that a confirm removes.
        reserved: places are reserved for the job, so it goes before others of its priority.
        published_ms: the time, by the clock of Redis.
    """

    submission: Submission
    number: int
    reserved: bool
    published_ms: int


class MessagePublisher(Protocol):
    """Publishes messages, and counts those that wait."""

    def publish(self, wakeups: Sequence[Wakeup]) -> Sequence[bool]:
        """Publish, and say for each whether the broker confirmed it in time; never raises."""

    def ready(self, queue: str) -> int | None:
        """Count the messages that wait in a queue; None if unknown."""
