"""Where a job is between nothing and all of its work."""

import math
from typing import Final

from callboard.jobs.errors import Interruption

MAX_UNITS: Final = 2**63 - 1
"""What every format that a client may ask for can carry."""


class Scale:
    """Maps the progress of a stage to that of the whole job; without stages they are one."""

    def __init__(self) -> None:
        self._from = 0.0
        self._to = 100.0
        self._highest: float | None = None

    def begin(self, weight: object) -> float:
        """Begin a stage where the one before ends, and give the percentage there.

        Args:
            weight: percent of the whole job; what is no such number is all that is left.
        """
        self._from = 0.0 if self._highest is None else self._to
        left = 100.0 - self._from
        try:
            share = float(weight)  # type: ignore[arg-type]  # that is what is found out
        except Interruption:
            raise
        except BaseException:  # noqa: BLE001 — it may be of any class
            share = left
        self._to = self._from + (min(left, max(0.0, share)) if math.isfinite(share) else left)
        self._highest = self._from
        return round(self._from, 1)

    def shown(self, percent: float) -> float:
        """Return the percentage of the whole job, which never goes back once there are stages.

        Args:
            percent: of the stage.
        """
        if self._highest is None:
            return percent
        reached = self._from + (self._to - self._from) * percent / 100
        self._highest = max(self._highest, reached)
        return round(self._highest, 1)


def percent_of(current: float, total: float) -> float:
    """Return a part in percent, from 0 to 100; of nothing, or of what is no number, it is 0.

    Raises:
        TypeError, ValueError: these are no numbers.
    """
    if not total > 0:
        return 0.0
    try:
        part = float(current / total)
    except OverflowError:
        return 100.0
    return 0.0 if math.isnan(part) else round(min(100.0, max(0.0, 100.0 * part)), 1)


def units_of(count: float) -> int:
    """Return a count that can be sent.

    Raises:
        TypeError, ValueError: it is no number.
    """
    if count != count:  # noqa: PLR0124 — NaN
        return 0
    return int(max(-MAX_UNITS, min(MAX_UNITS, count)))
