"""The Prefer header (RFC 7240): whether and how long a client wants to wait."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_SECONDS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preference:
    """A client's preferences, as far as they are known.

    Attributes:
        wait_s: how long it wants to wait, within the server's bound; None if not given.
        respond_async: whether it prefers not to wait.
    """

    wait_s: int | None = None
    respond_async: bool = False

    def patience(self, default: timedelta) -> float:
        """Return the seconds to wait: `respond-async` alone means none, a `wait` beside it counts.

        Args:
            default: the seconds if the client has no preference.
        """
        if self.wait_s is not None:
            return self.wait_s
        return 0.0 if self.respond_async else default.total_seconds()

    def applied(self, *, in_time: bool) -> str | None:
        """Return the value of Preference-Applied, or None when nothing was preferred.

        Args:
            in_time: whether the awaited change happened in time.
        """
        words = ["respond-async"] if self.respond_async and not in_time else []
        if self.wait_s is not None:
            words.append(f"wait={self.wait_s}")
        return ", ".join(words) or None


def parse_prefer(header: str | None, *, max_wait: timedelta) -> Preference:
    """Parse a Prefer header; unknown or malformed parts are ignored.

    Of a repeated preference, the first counts (section 2). A `wait` without a value
    means the longest wait; some clients send that.

    Args:
        header: its value; several headers are joined by commas.
        max_wait: the longest wait.
    """
    if not header:
        return Preference()
    longest = int(max_wait.total_seconds())
    given: dict[str, str] = {}
    for member in _split(header, ","):
        word = next(_split(member, ";"))
        name, _, value = word.partition("=")
        given.setdefault(name.strip().lower(), value.strip().strip('"'))
    wait: int | None = None
    if (asked := given.get("wait")) is not None:
        if not asked:
            wait = longest
        elif _SECONDS.fullmatch(asked):
            wait = min(int(asked), longest)
    return Preference(wait_s=wait, respond_async="respond-async" in given)


def _split(text: str, separator: str) -> Iterator[str]:
    """Split at separators outside quoted strings."""
    if '"' not in text:
        yield from text.split(separator)
        return
    begin, quoted, escaped = 0, False, False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            yield text[begin:index]
            begin = index + 1
    yield text[begin:]
