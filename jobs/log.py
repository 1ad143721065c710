"""read_log: what a running function wrote, line by line."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from callboard.jobs.clock import moment
from callboard.jobs.store import Store

_STAMPED: Final = re.compile(r"(\d{1,12}\.\d{3}) (.*)", re.DOTALL)
_NEVER: Final = moment(0)


@dataclass(frozen=True)
class LogLine:
    """One line.

    Attributes:
        number: from 1; lines that were dropped count, so it never changes.
        at: when it was written, by the clock of the worker; 1970 when the line does not say.
    """

    number: int
    at: datetime
    text: str


@dataclass(frozen=True)
class LogPage:
    """Some lines of a log, oldest first.

    Attributes:
        dropped: how many lines went because the log was full, the oldest ones.
        total: how many lines were ever written.
    """

    lines: tuple[LogLine, ...]
    dropped: int
    total: int


def read_log(store: Store, job_id: str, *, after: int, most: int) -> LogPage:
    """Read the lines that come after a number; of a job that is not there, none.

    Args:
        store: where the job is.
        job_id: the job's id.
        after: the number of the last line that is known; 0 for none.
        most: how many lines at once.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    answer = store.run("read_log", store.keys("job", job_id), job_id=job_id, after=after, most=most)
    dropped, total, texts = answer.values
    first = max(after, dropped) + 1
    lines = tuple(_line(number, text) for number, text in enumerate(texts, first))
    return LogPage(lines, int(dropped), int(total))


def _line(number: int, text: str) -> LogLine:
    stamped = _STAMPED.fullmatch(text)
    if stamped is None:
        return LogLine(number, _NEVER, text)
    return LogLine(number, moment(stamped[1].replace(".", "")), stamped[2])
