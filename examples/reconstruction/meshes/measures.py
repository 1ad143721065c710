"""Measures meshes, and finds out whether they are closed."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from examples.reconstruction.meshes.surface import Mesh


def is_closed(mesh: "Mesh") -> bool:
    """Return whether each edge belongs to two triangles, which run through it in both ways."""
    begin, end = mesh.triangles.astype(np.int64), np.roll(mesh.triangles, -1, axis=1)
    count = len(mesh.points)
    there = np.sort((begin * count + end).ravel())
    back = np.sort((end * np.int64(count) + begin).ravel())
    is_once = bool(np.all(there[1:] != there[:-1]))
    return is_once and np.array_equal(there, back) and not np.any(begin == end)


def volume_of(mesh: "Mesh") -> float:
    """Return the volume inside, in cubes of the unit of length (divergence theorem)."""
    one, two, three = _corners(mesh)
    return float(np.einsum("ij,ij->", one, np.cross(two, three)) / 6)


def area_of(mesh: "Mesh") -> float:
    """Return the area, in squares of the unit of length."""
    one, two, three = _corners(mesh)
    return float(np.linalg.norm(np.cross(two - one, three - one), axis=1).sum() / 2)


def pieces_of(mesh: "Mesh") -> tuple[int, "NDArray[np.int32]"]:
    """Return how many pieces there are, and the number of each triangle's piece."""
    begin, end = mesh.triangles.ravel(), np.roll(mesh.triangles, -1, axis=1).ravel()
    count = len(mesh.points)
    linked = coo_array((np.ones(len(begin), np.int8), (begin, end)), shape=(count, count))
    pieces, of_points = connected_components(linked, directed=False)
    return int(pieces), of_points[mesh.triangles[:, 0]]


def _corners(mesh: "Mesh") -> tuple["NDArray[np.float64]", ...]:
    centred = mesh.points.astype(np.float64) - mesh.points.mean(axis=0, dtype=np.float64)
    return tuple(centred[mesh.triangles[:, corner]] for corner in range(3))
