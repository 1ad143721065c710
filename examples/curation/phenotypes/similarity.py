"""How alike the phenotypes of two genes are."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from callboard import Job

ROWS_AT_ONCE = 32


def information(shows: csr_array) -> NDArray[np.float64]:
    """Return each term's information content, -ln(share of those who show it).

    A term that nobody shows counts as shown once. After Resnik (1995), "Using information content
    to evaluate semantic similarity in a taxonomy".
    """
    counts = np.maximum(np.asarray(shows.sum(axis=0), dtype=np.float64), 1)
    content: NDArray[np.float64] = np.log(shows.shape[0]) - np.log(counts)
    return content


def similarities(
    shows: csr_array, weights: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield the similarities of some rows to themselves and to all rows after them.

    A similarity is the information of the terms that both show over that of the terms that either
    shows, 0 to 1. This is simGIC: Pesquita et al. (2008), "Metrics for GO based protein semantic
    similarity: a systematic evaluation", BMC Bioinformatics 9 (Suppl. 5), S4.

    Args:
        shows: genes by terms, 0 or 1, ancestors included.
        weights: the information of each term.

    """
    weighted = (shows * weights[np.newaxis, :]).tocsr()
    total = np.asarray(weighted.sum(axis=1), dtype=np.float64)
    for start in range(0, shows.shape[0], ROWS_AT_ONCE):
        rows = slice(start, min(start + ROWS_AT_ONCE, shows.shape[0]))
        both = (weighted[rows] @ shows[start:].T).toarray()
        either = total[rows, np.newaxis] + total[np.newaxis, start:] - both
        yield rows, np.divide(both, either, out=np.zeros_like(both), where=either > 0)


def pairs(size: int) -> int:
    """Return how many pairs there are among so many."""
    return size * (size - 1) // 2


def compare(shows: csr_array, rows: Sequence[int], job: Job) -> NDArray[np.float64]:
    """Return the similarities of some rows to each other, and report each block to the job."""
    count = len(rows)
    similarity = np.zeros((count, count))
    for block, values in similarities(shows[list(rows)], information(shows)):
        job.checkpoint()
        similarity[block, block.start :] = values
        similarity[block.start :, block] = values.T
        job.progress(pairs(count) - pairs(count - block.stop), pairs(count))
    return similarity
