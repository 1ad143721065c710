"""Ward's hierarchical clustering, one merge at a time, so that it can be watched and stopped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist


@dataclass(frozen=True, slots=True)
class Merge:
    """Two clusters become one; each is named by a point in it."""

    left: int
    right: int
    height: float
    """As in scipy: the root of twice the growth of the inertia within clusters."""


def merges(points: NDArray[np.float64]) -> Iterator[Merge]:
    """Yield the merges of Ward's tree, one less than there are points, in no order of height.

    The heights are those of `scipy.cluster.hierarchy.linkage(points, "ward")`, which holds the
    GIL until it is done: seconds for some thousand points. Time grows with the square of the
    number of points, memory only with the number. The chain of nearest neighbours is Murtagh's
    (1983), "A survey of recent advances in hierarchical clustering algorithms".
    """
    centres = points.astype(np.float64)
    sizes = np.ones(len(points))
    gone = np.zeros(len(points))
    chain: list[int] = []
    for _ in range(len(points) - 1):
        if not chain:
            chain.append(int(np.argmin(gone)))
        squared = _lengthen(chain, centres, sizes, gone)
        left, right = sorted((chain.pop(), chain.pop()))
        both = sizes[left] + sizes[right]
        centres[left] = (sizes[left] * centres[left] + sizes[right] * centres[right]) / both
        sizes[left], gone[right] = both, np.inf
        yield Merge(left, right, float(np.sqrt(squared)))


def _lengthen(
    chain: list[int],
    centres: NDArray[np.float64],
    sizes: NDArray[np.float64],
    gone: NDArray[np.float64],
) -> float:
    """Lengthen the chain to each end's nearest until its last two are one another's nearest."""
    while True:
        here = chain[-1]
        squared = cdist(centres[here : here + 1], centres, "sqeuclidean")[0]
        squared *= 2 * sizes[here] * sizes / (sizes[here] + sizes)
        squared += gone
        squared[here] = np.inf
        near = int(np.argmin(squared))
        # Of equally near ones the one before wins: else the chain could run in a circle.
        if len(chain) > 1 and squared[chain[-2]] <= squared[near]:
            return float(squared[chain[-2]])
        chain.append(near)


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A tree cut into clusters."""

    members: list[NDArray[np.int64]]
    between_share: float
    """How much of all inertia lies between the clusters, 0 to 1."""


def cut(tree: Sequence[Merge], clusters: int) -> Cut:
    """Cut a whole tree so that so many clusters are left, or one for each point."""
    points = len(tree) + 1
    rising = sorted(tree, key=lambda merge: merge.height)
    within = rising[: max(0, points - clusters)]
    ends = ([merge.left for merge in within], [merge.right for merge in within])
    joined = coo_array((np.ones(len(within)), ends), shape=(points, points))
    count, labels = connected_components(joined, directed=False)
    inertia = sum(merge.height**2 for merge in tree)
    inside = sum(merge.height**2 for merge in within)
    return Cut(
        members=[np.flatnonzero(labels == label) for label in range(count)],
        between_share=float(1 - inside / inertia) if inertia > 0 else 0.0,
    )
