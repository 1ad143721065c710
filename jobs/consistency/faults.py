"""What can differ from the records, in groups that people can tell apart."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, Literal

Group = Literal[
    "wakeup",
    "lease",
    "slot",
    "waiting",
    "reservation",
    "schedule",
    "dependency",
    "capacity",
    "unique",
    "conflict",
    "queue",
    "turn",
    "listing",
    "expiry",
    "batch",
    "fragment",
    "delivery",
]
UNREPAIRABLE: Final[frozenset[Group]] = frozenset({"conflict"})
MAX_EXAMPLES: Final = 3

_BY_NAME: Final[dict[str, Group]] = {
    "outbox": "wakeup",
    "awaiting": "wakeup",
    "wakeup": "wakeup",
    "leases": "lease",
    "slot": "slot",
    "waiting": "waiting",
    "waited": "waiting",
    "reservations": "reservation",
    "due": "schedule",
    "depending": "dependency",
    "dependents": "dependency",
    "dependencies": "dependency",
    "active": "capacity",
    "unique": "unique",
    "conflict": "conflict",
    "queued": "queue",
    "turns": "turn",
    "index": "listing",
    "expiry": "expiry",
    "batch": "batch",
    "fragment": "fragment",
}


@dataclass
class Faults:
    """The faults of one group.

    Attributes:
        ids: of jobs, batches or deliveries, with the faults of each.
    """

    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def count(self) -> int:
        """How many jobs, batches or deliveries it concerns."""
        return len(self.ids)

    @property
    def examples(self) -> tuple[str, ...]:
        """The first of them, to look at."""
        first = sorted(self.ids)[:MAX_EXAMPLES]
        return tuple(f"{one} ({', '.join(sorted(self.ids[one]))})" for one in first)


def group_of(name: str) -> Group:
    """Return the group of a sorted set by its key without prefix, or of a fault by its name."""
    return _BY_NAME[name.partition(":")[0]]
