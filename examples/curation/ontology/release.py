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
    """A term of a release."""

    id: str
    name: str
    obsolete: bool
    parents: frozenset[str]
    replaced_by: frozenset[str]
    alternatives: frozenset[str]
    rest: frozenset[tuple[str, str]]
    """Definition, synonyms, references and all other clauses, as tags and values."""


@dataclass(frozen=True, slots=True)
class Release:
    """One version of an ontology."""

    name: str
    terms: Mapping[str, Term]


def read_release(file: BinaryIO, name: str) -> Release:
    """Read a release and validate it.

    Args:
        file: an OBO file.
        name: the name of a release that does not name itself.

    Raises:
        Failure: the file is not OBO, has no terms, defines a term twice, or has a cycle.
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
        cycle = " is a ".join(error.args[1])
        raise Failure(f"The release has a cycle: {cycle}.", retryable=False) from error
    return Release(_name(document.header) or name, by_id)


def _term(frame: Any) -> Term:
    clauses = [(clause.raw_tag(), clause.raw_value()) for clause in frame]

    def values(tag: str) -> frozenset[str]:
        return frozenset(value for name, value in clauses if name == tag)

    return Term(
        id=str(frame.id),
        name=next(iter(values("name")), ""),
        obsolete="true" in values("is_obsolete"),
        parents=values("is_a"),
        replaced_by=values("replaced_by"),
        alternatives=values("alt_id"),
        rest=frozenset(each for each in clauses if each[0] not in _KNOWN),
    )


def _name(header: Any) -> str:
    tags = {clause.raw_tag(): clause.raw_value() for clause in header}
    return str(tags.get("data-version") or tags.get("date") or "")
