"""Finding communities among things of which one knows how alike they are."""

import random
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import igraph
import numpy as np
from numpy.typing import NDArray

SEED = 20_190_326

_leiden = threading.Lock()


@dataclass(frozen=True, slots=True)
class Communities:
    """A partition of a graph's vertices."""

    members: list[list[int]]
    modularity: float
    """Newman's, with weights, at resolution 1; 0 for a graph without edges."""


def joins(
    similarity: NDArray[np.float64], neighbours: int
) -> Iterator[dict[tuple[int, int], float]]:
    """Yield, of one after the other, what joins it to those most like it, and how alike they are.

    Two are joined if either is among the other's nearest; of equally similar ones those that come
    first count. Those with nothing in common are never joined.
    """
    for here, row in enumerate(similarity):
        order = np.argsort(-row, kind="stable")[: neighbours + 1].tolist()
        others = [there for there in order if there != here and row[there] > 0]
        yield {
            (min(here, there), max(here, there)): float(row[there]) for there in others[:neighbours]
        }


def communities(
    vertices: int, edges: Mapping[tuple[int, int], float], resolution: float
) -> Communities:
    """Return the Leiden communities of a graph with weights, the same ones each time.

    Traag, Waltman and van Eck (2019), "From Louvain to Leiden: guaranteeing well-connected
    communities". igraph draws from one generator for the whole process, so one thread at a time
    seeds it, runs, and gives back Python's own.
    """
    if not edges:
        return Communities([[vertex] for vertex in range(vertices)], 0.0)
    graph = igraph.Graph(n=vertices, edges=list(edges))
    weights = list(edges.values())
    with _leiden:
        igraph.set_random_number_generator(random.Random(SEED))  # noqa: S311 - no secret
        try:
            found = graph.community_leiden(
                objective_function="modularity",
                weights=weights,
                resolution=resolution,
                n_iterations=-1,
            )
        finally:
            igraph.set_random_number_generator(random)
    modularity = graph.modularity(found.membership, weights=weights)
    return Communities([list(members) for members in found], float(modularity))
