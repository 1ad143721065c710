"""What this process is called on the servers that it connects to."""

import os
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessName:
    """Names the process that connects: a fork has a name of its own.

    Attributes:
        role: what it is, as `worker`.
        namespace: of its installation.
    """

    role: str = "program"
    namespace: str = "callboard"

    def __str__(self) -> str:
        return f"{self.role} {self.namespace} {socket.gethostname()}:{os.getpid()}"

    def without_spaces(self) -> str:
        """Return the name where none may have a space, as in Redis and in a consumer's tag."""
        return str(self).replace(" ", "-")
