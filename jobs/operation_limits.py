"""The limits of one operation that Redis checks each submission against."""

from dataclasses import dataclass
from typing import Any

from callboard.jobs.rate_quota import Charge


@dataclass(frozen=True, slots=True)
class OperationLimits:
    """How many jobs an operation takes.

    Attributes:
        max_active: the maximum number of its active jobs.
        charge: whose quota of submissions an accepted job uses; None for no rate.
    """

    max_active: int
    charge: Charge | None = None

    def to_argument(self) -> dict[str, Any]:
        """Return the limits as the argument of scripts."""
        charge = self.charge
        if charge is None:
            return {"max_active": self.max_active}
        return {
            "max_active": self.max_active,
            "charge": {
                "payer": charge.tenant,
                "requests": charge.rate.requests,
                "window_ms": charge.window_ms,
            },
        }
