"""Places where a test may have a process die; armed by a setting that only tests can use."""

import os
import signal
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class FaultPoints:
    """The armed places of this process; none in production."""

    armed: Collection[str] = ()

    def reach(self, name: str) -> None:
        """Die here by SIGKILL, if this place is armed; otherwise do nothing."""
        if name in self.armed:
            os.kill(os.getpid(), signal.SIGKILL)
