"""The level of a message in its queue: its job's priority, as far as the queue has levels."""

import re
from enum import Enum, unique
from typing import Final, Literal

from callboard.jobs.server_versions import numbers_of
from callboard.jobs.submission import DEFAULT_PRIORITY, HIGHEST_PRIORITY

QueueType = Literal["classic", "quorum"]

HIGHEST_LEVEL: Final = 2 * HIGHEST_PRIORITY + 1
EARLIER_LEVEL: Final = 11
"""The highest level of queues that versions before this one declared."""

_EARLIER: Final = re.compile(
    rf"inequivalent arg 'x-max-priority'.* but current is (?:the value )?'{EARLIER_LEVEL}'"
)
_HIGH: Final = 9
_TWO_SINCE: Final = (4, 0)
_MANY_SINCE: Final = (4, 3)


@unique
class Levels(Enum):
    """How many levels a queue has.

    ALL: two for each priority. EARLIER: one for each, and two for the default. TWO: high and low.
    """

    ALL = "all"
    EARLIER = "earlier"
    TWO = "two"


def level_of(priority: int, *, reserved: bool, levels: Levels = Levels.ALL) -> int:
    """Return the AMQP priority of a message.

    A job with reserved slots precedes others of its own priority, and follows every
    higher one (ADR 42).

    Args:
        priority: of the job, 0 to 10.
        reserved: whether slots are reserved for it.
        levels: the levels of its queue.
    """
    match levels:
        case Levels.TWO:
            return _HIGH if priority > DEFAULT_PRIORITY else 0
        case Levels.EARLIER:
            before_others = reserved and priority == DEFAULT_PRIORITY
            return priority + (before_others or priority > DEFAULT_PRIORITY)
    return 2 * priority + reserved


def levels_of(queue_type: QueueType, server_version: str) -> Levels:
    """Return the levels of the queues that this version declares.

    Quorum queues have two levels from RabbitMQ 4.0 to 4.2, 32 since 4.3, and none before.
    """
    numbers = numbers_of(server_version)
    if queue_type == "quorum" and _TWO_SINCE <= numbers < _MANY_SINCE:
        return Levels.TWO
    return Levels.ALL


def is_of_earlier_version(refusal: str) -> bool:
    """Return whether a declaration is refused because an earlier version declared the queue."""
    return _EARLIER.search(refusal) is not None
