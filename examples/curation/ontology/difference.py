"""Compares two releases, for the person who decides whether to use the newer one."""

from typing import Annotated

from pydantic import BaseModel, Field

from examples.curation.ontology.release import Release, Term


class NamedTerm(BaseModel):
    """A term and its name."""

    id: str
    name: str


class RenamedTerm(BaseModel):
    """A term whose name changed."""

    id: str
    old: str
    new: str


class ReparentedTerm(BaseModel):
    """A term whose parents changed."""

    id: str
    old: list[str]
    new: list[str]


class MergedTerm(BaseModel):
    """A term that was replaced by another."""

    id: str
    name: str
    into: str


class ChangedTerm(BaseModel):
    """A term with other changes."""

    id: str
    what: Annotated[list[str], Field(description="tags such as `def`; `removed` if it is gone")]


class OntologyReport(BaseModel):
    """The difference between the current release and another one."""

    old_release: str | None
    new_release: str
    added: list[NamedTerm]
    obsoleted: list[NamedTerm]
    renamed: list[RenamedTerm]
    reparented: list[ReparentedTerm]
    merged: list[MergedTerm]
    changed: list[ChangedTerm]


def compare(old: Release | None, new: Release) -> OntologyReport:
    """Compare two releases; without an older one, every term counts as added."""
    before = {} if old is None else old.terms
    survivors = {
        alternative: term.id for term in new.terms.values() for alternative in term.alternatives
    }
    report = OntologyReport(
        old_release=None if old is None else old.name,
        new_release=new.name,
        added=[],
        obsoleted=[],
        renamed=[],
        reparented=[],
        merged=[],
        changed=[],
    )
    for term_id in sorted(before.keys() | new.terms.keys()):
        was, now = before.get(term_id), new.terms.get(term_id)
        if was is None:
            if now is not None and not now.obsolete:
                report.added.append(NamedTerm(id=term_id, name=now.name))
        elif (into := _into(was, now, survivors)) is not None:
            report.merged.append(MergedTerm(id=term_id, name=was.name, into=into))
        elif now is None:
            report.changed.append(ChangedTerm(id=term_id, what=["removed"]))
        else:
            _add_change(report, was, now)
    return report


def _into(was: Term, now: Term | None, survivors: dict[str, str]) -> str | None:
    """Return the term that replaces one that was in use; None if there is none."""
    if was.obsolete:
        return None
    if now is None:
        return survivors.get(was.id)
    return min(now.replaced_by, default=None) if now.obsolete else None


def _add_change(report: OntologyReport, was: Term, now: Term) -> None:
    if now.obsolete and not was.obsolete:
        report.obsoleted.append(NamedTerm(id=was.id, name=was.name))
        return
    if was.name != now.name:
        report.renamed.append(RenamedTerm(id=was.id, old=was.name, new=now.name))
    if was.parents != now.parents:
        old, new = sorted(was.parents), sorted(now.parents)
        report.reparented.append(ReparentedTerm(id=was.id, old=old, new=new))
    what = {tag for tag, _ in was.rest ^ now.rest}
    if was.obsolete and not now.obsolete:
        what.add("is_obsolete")
    if was.alternatives - now.alternatives:
        what.add("alt_id")
    if what:
        report.changed.append(ChangedTerm(id=was.id, what=sorted(what)))
