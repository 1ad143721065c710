"""The diseases that are clustered, and what their clusters show."""

import numpy as np
from numpy.typing import NDArray

from examples.curation.phenotypes.annotations import Annotations
from examples.curation.phenotypes.enrichment import enriched
from examples.curation.phenotypes.findings import Disease, PhenotypeCluster, name_of

DEPTHS = (2, 3)
"""How far below phenotypic abnormality the phenotypes lie by which diseases are compared."""

FREQUENCY = 0.01
"""The share of diseases that must show a phenotype, else its few diseases would rule the axes."""

PHENOTYPES_OF_A_DISEASE = 5
"""A disease described by fewer of those phenotypes is left out: it would be near everything."""


def table(known: Annotations) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the diseases to cluster, as rows, and which of the chosen phenotypes they show."""
    frequency = np.asarray(known.shows.mean(axis=0))
    at_depth = np.isin(known.terms.depth, DEPTHS)
    present = known.shows[:, np.flatnonzero(at_depth & (frequency >= FREQUENCY))].toarray() > 0
    described = np.flatnonzero(present.sum(axis=1) >= PHENOTYPES_OF_A_DISEASE)
    return described, present[described]


def describe(
    known: Annotations,
    chosen: NDArray[np.int64],
    coordinates: NDArray[np.float64],
    members: NDArray[np.int64],
) -> PhenotypeCluster:
    """Describe a cluster by its phenotypes, its members and those next to its centre."""
    phenotypes = enriched(members.tolist(), known.shows[chosen], known.terms)
    apart = coordinates[members] - coordinates[members].mean(axis=0)
    nearest = members[np.argsort(np.linalg.norm(apart, axis=1), kind="stable")[:5]]
    return PhenotypeCluster(
        name=name_of(phenotypes),
        size=len(members),
        phenotypes=phenotypes,
        typical=_diseases(known, chosen[nearest]),
        diseases=[known.ids[place] for place in chosen[members]],
    )


def _diseases(known: Annotations, places: NDArray[np.int64]) -> list[Disease]:
    return [Disease(id=known.ids[place], name=known.labels[place]) for place in places]
