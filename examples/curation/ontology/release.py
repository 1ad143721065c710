"""One release of an ontology, read from an OBO file."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, BinaryIO

from callboard import Failure

_KNOWN = ("name", "is_a", "alt_id", "is_obsolete", "replaced_by")


@dataclass(frozen=True, slots=True)
class Term:
    """A term as a release has it."""

    id: str
    name: str
    obsolete: bool
    parents: frozenset[str]
    replaced_by: frozenset[str]
    alternatives: frozenset[str]
    rest: frozenset[tuple[str, str]]
    """Definition, synonyms, references and what else is said of it, as tags and values."""


@dataclass(frozen=True, slots=True)
class Release:
    """An ontology at one time."""

    name: str
    terms: Mapping[str, Term]


def read_release(file: BinaryIO, name: str) -> Release:
    """Read a release, and check that it is one.

    Args:
        file: in OBO.
        name: for a release that does not name itself.

    Raises:
        Failure: it is not OBO, names no terms or one of them twice, or has a cycle.
    """
    import fastobo  # noqa: PLC0415 — a web process needs no example's packages

    try:
        document = fastobo.load(file)
    except (SyntaxError, ValueError) as error:
        raise Failure(f"The file is not valid OBO: {error}.", retryable=False) from error
    terms = [_term(frame) for frame in document if type(frame).__name__ == "TermFrame"]
    if not terms:
        raise Failure("The file has no terms.", retryable=False)
    twice = [name for name, count in Counter(term.id for term in terms).items() if count > 1]
    if twice:
        raise Failure(f"The file defines {twice[0]} more than once.", retryable=False)
    by_id = {term.id: term for term in terms}
    try:
        TopologicalSorter({term.id: sorted(term.parents) for term in terms}).prepare()
    except CycleError as error:
        circle = " is a ".join(error.args[1])
        raise Failure(f"The release has a cycle: {circle}.", retryable=False) from error
    return Release(_name(document.header) or name, by_id)


def _term(frame: Any) -> Term:
    said = [(clause.raw_tag(), clause.raw_value()) for clause in frame]

    def values(tag: str) -> frozenset[str]:
        return frozenset(value for name, value in said if name == tag)

    return Term(
        id=str(frame.id),
        name=next(iter(values("name")), ""),
        obsolete="true" in values("is_obsolete"),
        parents=values("is_a"),
        replaced_by=values("replaced_by"),
        alternatives=values("alt_id"),
        rest=frozenset(each for each in said if each[0] not in _KNOWN),
    )


def _name(header: Any) -> str:
    said = {clause.raw_tag(): clause.raw_value() for clause in header}
    return str(said.get("data-version") or said.get("date") or "")
