"""The name of this process on the servers that it connects to."""

import os
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessName:
    """The name of a process that connects: a fork has its own.

    Attributes:
        role: the role of the process, such as `worker`.
        namespace: the namespace of its installation.
    """

    role: str = "program"
    namespace: str = "callboard"

    def __str__(self) -> str:
        return f"{self.role} {self.namespace} {socket.gethostname()}:{os.getpid()}"

    def without_spaces(self) -> str:
        """Return the name without spaces, for Redis and for consumer tags."""
        return str(self).replace(" ", "-")
