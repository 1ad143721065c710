"""When ticks are: a cron expression of five fields, read in a time zone."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

MAX_EXPRESSION_LENGTH: Final = 200
_FIELDS: Final = 5
_EXPRESSION: Final = re.compile(r"[0-9A-Za-z*,/#-]+(?: +[0-9A-Za-z*,/#-]+)*")
_ZONE: Final = re.compile(r"[A-Z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")


class Cron:
    """A recurring moment.

    Where clocks change it does as Debian's cron: an expression with fixed minutes and hours comes
    once a day, at the end of a gap when its time is left out and only the first time when it comes
    twice; one with a star in either field follows real time.

    Args:
        expression: minute, hour, day of month, month and day of week, as cron has them.
        zone: a name of the IANA time zone database, such as `Europe/Berlin`.

    Raises:
        ValueError: the expression or the zone cannot be read; says why.
    """

    def __init__(self, expression: str, zone: str) -> None:
        check_expression(expression)
        self._expression: Final = expression
        self._zone: Final = zone_of(zone)

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than a moment; None when there is none in 50 years.

        Args:
            moment: aware; so is the answer, in UTC.
        """
        for local in CronSim(self._expression, moment.astimezone(self._zone)):
            tick = local.astimezone(UTC)
            # Within an hour that comes twice, cronsim goes on from the first of both.
            if tick > moment:
                return tick
        return None

    def latest(self, tick: datetime, until: datetime) -> datetime:
        """Return the last tick up to a moment, in few steps however many there were.

        Args:
            tick: one that is not later than `until`.
            until: aware.
        """
        none_after = until
        while (following := self.next_after(tick)) is not None and following <= none_after:
            tick = following
            middle = tick + (none_after - tick) / 2
            later = self.next_after(middle)
            if later is not None and later <= none_after:
                tick = later
            else:
                none_after = middle
        return tick


def check_expression(expression: str) -> str:
    """Return the expression if it is valid.

    Raises:
        ValueError: it is none; says why.
    """
    if len(expression) > MAX_EXPRESSION_LENGTH or not _EXPRESSION.fullmatch(expression):
        raise ValueError("must be a cron expression such as '30 2 * * MON-FRI'")
    if len(expression.split()) != _FIELDS:
        raise ValueError("must have 5 fields: minute, hour, day of month, month, day of week")
    try:
        ticks = CronSim(expression, datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(f"is not a cron expression: {str(error).lower()}") from error
    if next(ticks, None) is None:
        raise ValueError("never matches a date")
    return expression


@cache
def zone_of(name: str) -> ZoneInfo:
    """Find a time zone.

    Raises:
        ValueError: there is none with this name here.
    """
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ValueError("must be a time zone such as 'Europe/Berlin' or 'UTC'")
