"""Somebody who asks, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from callboard.config import Role

_RANKS: Final[Mapping[Role, int]] = {"viewer": 1, "client": 2, "operator": 3, "admin": 4}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a key: whose jobs they see, and what they may do.

    Attributes:
        name: the id of their key; empty where none is needed.
    """

    tenant: str
    role: Role | None
    name: str = ""

    @property
    def identity(self) -> str:
        """Tell this caller from all others, also from those of the same tenant."""
        return f"{self.tenant}:{self.name}"

    def may(self, role: Role) -> bool:
        """Whether they have this role, or one above it."""
        return self.role is not None and _RANKS[self.role] >= _RANKS[role]


NOBODY: Final = Caller("", None)
EVERYBODY: Final = Caller("default", "admin")
"""Who asks while no key is needed, which only a server on loopback may have."""
