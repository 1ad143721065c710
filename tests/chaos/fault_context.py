"""What a fault needs to act and to be recorded."""

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.installation import ChaosInstallation
from tests.chaos.plan import Fault

DECLARED: Final[Mapping[str, int]] = {
    "operation:narrow": 2,
    "operation:latest": 2,
    "operation:choosy": 1,
    "operation:shared": 4,
    "per:shared:topic": 2,
    "per:owned:tenant": 3,
    "resource:gpu": 2,
    "resource:licence": 1,
}
"""The limits of `tests.chaos.operations` and of the installation's settings."""

NEEDS: Final[Mapping[str, Mapping[str, int]]] = {
    "wide": {"resource:gpu": 2},
    "slim": {"resource:gpu": 1},
    "choosy": {"resource:gpu": 1, "resource:licence": 1},
    "shared": {"per:shared:topic": 1},
    "owned": {"per:owned:tenant": 1},
}
"""The places that jobs of these operations need in addition to one of their operation."""


@dataclass
class FaultContext:
    """The context in which one hand of the nemesis acts.

    Attributes:
        stopping: set when everything must be undone at once.
        messages_lost_ms: when RabbitMQ was last made to lose messages.
    """

    chaos_installation: ChaosInstallation
    dice: random.Random = field(default_factory=random.Random)
    stopping: threading.Event = field(default_factory=threading.Event)
    messages_lost_ms: int = 0

    def did(self, what: str, target: str, **more: Any) -> None:
        """Record an action."""
        self.chaos_installation.history.nemesis(what, target=target, **more)

    def last(self, fault: Fault) -> None:
        """Let a fault last."""
        self.stopping.wait(fault.lasts)
