"""What a type of problem is: its address, status, title, and what its page says."""

from dataclasses import dataclass

from callboard.api.urls import Urls


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemType:
    """A type of problem that requests are answered with.

    Attributes:
        name: the end of its address under `/problems/`, or a whole address elsewhere.
        status: the status of the response.
        title: a sentence that is the same each time.
        meaning: what happened, for people.
        advice: what to do about it, for people.
        code: tells apart several types that share a registered address.
        retry_after_s: when to try again, unless whoever raises the problem knows better.
        error: the error of the core that is answered with this type.
    """

    name: str
    status: int
    title: str
    meaning: str = ""
    advice: str = ""
    code: str | None = None
    retry_after_s: int | None = None
    error: type[Exception] | None = None

    @property
    def slug(self) -> str:
        """The end of the address of its page."""
        return self.name.rpartition("#")[2]

    def address(self, urls: Urls) -> str:
        """Return its address."""
        return self.name if ":" in self.name else urls.problem(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobErrorType:
    """A type that stands in the `error` of a job that ended without a result.

    Attributes:
        name: the end of its address under `/problems/`.
        title: a sentence that is the same each time.
        meaning: what happened, for people.
        advice: what to do about it, for people.
    """

    name: str
    title: str
    meaning: str
    advice: str
