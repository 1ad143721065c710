"""What a tenant's rate leaves of it at one moment."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from callboard.config import Rate

POLICY: Final = "requests"
"""The name of the policy that counts requests."""


def submissions_policy(operation: str) -> str:
    """Return the name of the policy that counts submissions of an operation."""
    return f"submissions:{operation}"


@dataclass(frozen=True, slots=True)
class Charge:
    """Whose quota a request or a submission uses, and how large that is."""

    tenant: str
    rate: Rate
    policy: str = POLICY

    @property
    def window_ms(self) -> int:
        """The window as scripts take it."""
        return self.rate.window // timedelta(milliseconds=1)

    def quota(self, left: int, reset_ms: int) -> "Quota":
        """Read a script's answer."""
        return Quota(self.rate, left, timedelta(milliseconds=reset_ms), self.policy)


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a rate was left when a request or a submission was counted.

    Attributes:
        left: how many more would have been taken at that moment.
        reset: after what time there is one more; zero when nothing is missing.
        policy: the name of the policy in `RateLimit` headers.
    """

    rate: Rate
    left: int
    reset: timedelta
    policy: str = POLICY

    @property
    def reset_s(self) -> int:
        """The same in whole seconds, rounded up."""
        return -(-self.reset // timedelta(seconds=1))
