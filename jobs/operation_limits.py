"""The limits of one operation that Redis checks each submission against."""

from dataclasses import asdict, dataclass
from typing import Any

from callboard.jobs.rate_quota import Charge


@dataclass(frozen=True, slots=True)
class CapacityGroup:
    """Operations that share a capacity.

    Attributes:
        max_active: the maximum number of active jobs of all of them together.
        operations: their names.
    """

    name: str
    max_active: int
    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperationLimits:
    """How many jobs an operation takes.

    Attributes:
        max_active: the maximum number of its active jobs.
        charge: whose quota of submissions an accepted job uses; None for no rate.
        groups: those to which it belongs.
    """

    max_active: int
    charge: Charge | None = None
    groups: tuple[CapacityGroup, ...] = ()

    def to_argument(self) -> dict[str, Any]:
        """Return the limits as the argument of scripts."""
        limits: dict[str, Any] = {"max_active": self.max_active}
        if self.groups:
            limits["groups"] = [asdict(group) for group in self.groups]
        if self.charge is not None:
            limits["charge"] = {
                "payer": self.charge.tenant,
                "requests": self.charge.rate.requests,
                "window_ms": self.charge.window_ms,
            }
        return limits
