"""Which phenotypes mark a cluster out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import hypergeom

from examples.curation.phenotypes.annotations import Terms
from examples.curation.phenotypes.findings import EnrichedPhenotype

SHARE = 0.4
FOLD = 1.5
LOG10_P = -2.0
KEPT = 5


def enriched(members: Sequence[int], shows: csr_array, terms: Terms) -> list[EnrichedPhenotype]:
    """Return the phenotypes that mark the members out among all, the most significant first.

    At least 40 % of the members, and two, show each of them, 1.5 times as often as all do, with
    a hypergeometric p-value below 0.01 after Bonferroni. Of a phenotype and those above or below it
    only the most significant is kept. At most five.

    Args:
        members: rows of `shows`.
        shows: all genes or diseases to compare with, by terms.
        terms: what the columns of `shows` are.

    """
    everybody, size = shows.shape[0], len(members)
    inside = np.asarray(shows[members].sum(axis=0))
    often = np.flatnonzero(inside >= max(2, SHARE * size))
    overall = np.asarray(shows[:, often].sum(axis=0))
    fold = (inside[often] / size) / (overall / everybody)
    marked = fold >= FOLD
    tests, often, overall, fold = len(often), often[marked], overall[marked], fold[marked]
    tail = hypergeom.logsf(inside[often] - 1, everybody, overall, size)
    log10_p = np.minimum((tail + np.log(max(1, tests))) / np.log(10), 0)
    return [
        EnrichedPhenotype(
            id=terms.ids[often[place]],
            label=terms.labels[often[place]],
            members=int(inside[often[place]]),
            share=round(float(inside[often[place]] / size), 4),
            fold=round(float(fold[place]), 2),
            log10_p=round(float(log10_p[place]), 2),
        )
        for place in _unrelated(often, log10_p, terms)
    ]


def _unrelated(often: NDArray[np.int64], log10_p: NDArray[np.float64], terms: Terms) -> list[int]:
    above = terms.ancestors[often][:, often].toarray() > 0
    free = log10_p < LOG10_P
    kept: list[int] = []
    for place in np.lexsort((often, log10_p)):
        if free[place] and len(kept) < KEPT:
            kept.append(int(place))
            free &= ~(above[place] | above[:, place])
    return kept
