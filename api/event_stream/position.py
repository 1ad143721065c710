"""A client's position in an event stream, as encoded in the ids of events."""

import re
from dataclasses import dataclass
from typing import Final, Self

from callboard.api.conditional import state_tag
from callboard.jobs.record import Record
from callboard.jobs.statuses import FINAL, STATUSES

_ID: Final = re.compile(
    rf"(?P<tag>\d{{1,15}}\.\d{{1,15}}\.({'|'.join(STATUSES)}))\.(?P<line>\d{{1,15}})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Position:
    """The events that a client has seen.

    Attributes:
        tag: the job's state that was sent last, as `<version>.<attempt>.<status>`.
        line: the number of the log line that was sent last.
    """

    tag: str = "0.0.scheduled"
    line: int = 0

    @classmethod
    def parse(cls, last_event_id: str | None) -> Self:
        """Parse a `Last-Event-ID`; a malformed one means that nothing was seen."""
        found = _ID.fullmatch(last_event_id or "")
        return cls() if found is None else cls(found["tag"], int(found["line"]))

    def __str__(self) -> str:
        return f"{self.tag}.{self.line}"

    def knows(self, record: Record) -> bool:
        """Return whether the job has not changed since."""
        return self.tag == state_tag(record)

    @property
    def final(self) -> bool:
        """Whether the client has seen the job's end, which is always sent last."""
        return self.tag.rpartition(".")[2] in FINAL
