"""The one way to read query parameters: each is known, given once, and well formed."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, TypeVar

from callboard.api.problems.problem import invalid_request
from callboard.api.request import Request
from callboard.api.times import parse_time
from callboard.jobs.fields import MAX_LABELS, is_label

LABEL: Final = "label."
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,17}")

Value = TypeVar("Value")


class Query:
    """The parameters of one request; whatever is not asked for is unknown here.

    What is malformed is noted and counts as absent until `read_query` refuses the request.
    """

    def __init__(self, given: Mapping[str, str | list[str]]) -> None:
        self._left = dict(given)
        self.wrong: list[tuple[str, str]] = []

    def text(self, name: str) -> str | None:
        """Return a parameter as it came."""
        found = self._left.pop(name, None)
        if isinstance(found, list):
            self.refuse(name, "appears more than once")
            return None
        return found

    def parsed(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """Return what a parameter says.

        Args:
            name: which.
            parse: reads it; raises ValueError with what it must be.
        """
        text = self.text(name)
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            self.refuse(name, str(error))
            return None

    def flag(self, name: str) -> bool:
        """Return one that is `true` or `false`; absent means false."""
        return self.word(name, ("true", "false")) == "true"

    def word(self, name: str, words: tuple[str, ...]) -> str | None:
        """Return one of a few words."""
        text = self.text(name)
        if text is None or text in words:
            return text
        self.refuse(name, f"must be {', '.join(words[:-1])} or {words[-1]}")
        return None

    def whole(self, name: str, *, least: int, most: int, default: int) -> int:
        """Return a whole number within bounds."""

        def parse(text: str) -> int:
            if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
                raise ValueError(f"must be a whole number from {least} to {most}")
            return int(text)

        found = self.parsed(name, parse)
        return default if found is None else found

    def time(self, name: str) -> datetime | None:
        """Return a time (RFC 3339)."""
        return self.parsed(name, parse_time)

    def labels(self) -> dict[str, str]:
        """Return every `label.<name>=<value>`."""
        names = [name for name in self._left if name.startswith(LABEL)]
        found = {name.removeprefix(LABEL): self.text(name) for name in names}
        for name, value in found.items():
            if value is not None and not is_label(name, value):
                self.refuse(LABEL + name, "is not a valid label")
        if len(found) > MAX_LABELS:
            self.refuse(names[MAX_LABELS], f"exceeds the limit of {MAX_LABELS} labels per job")
        return {name: value for name, value in found.items() if value is not None}

    def refuse(self, name: str, detail: str) -> None:
        """Note what is wrong with a parameter."""
        self.wrong.append((name, detail))

    def refuse_others(self) -> None:
        """Record every parameter that was not read."""
        for name in self._left:
            self.refuse(name, "is not a query parameter of this URL")


@contextmanager
def read_query(req: Request) -> Iterator[Query]:
    """Read the parameters of a request; those that are not asked for inside are refused after it.

    Raises:
        Problem: 422; each error points to a parameter by its name.
    """
    query = Query(req.params)
    yield query
    query.refuse_others()
    if query.wrong:
        raise invalid_request(query.wrong)
