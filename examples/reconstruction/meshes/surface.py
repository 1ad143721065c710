"""Finds the surface of what lies above a threshold, as a closed mesh."""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from skimage.filters import threshold_otsu
from skimage.measure import marching_cubes

from examples.reconstruction.meshes.grid import Grid
from examples.reconstruction.volumes.volume import Track, Unusable

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLAB_CELLS: Final = 250_000
"""About as many as take a few milliseconds: between slabs a job can be cancelled."""
MAX_TRIANGLES: Final = 2_500_000
"""What follows takes about 650 bytes of memory for each triangle."""
MAX_DIFFERENCE: Final = 4.0
MIN_DIFFERENCE: Final = 2e-3
"""The range of differences from the threshold, in units of the usual one. The minimum keeps the
surface away from the centres of cubes."""


class Mesh(NamedTuple):
    """Triangles, counter-clockwise as seen from outside.

    Attributes:
        points: positions, an array of (points, 3).
        triangles: three places in `points` each.
    """

    points: "NDArray[np.float32]"
    triangles: "NDArray[np.int32]"


def otsu(values: "NDArray[np.float32]") -> float:
    """Return the threshold that best separates the values into two groups.

    Raises:
        Unusable: all values are equal.
    """
    if np.min(values) == np.max(values):
        raise Unusable("All voxels have the same value, so there is no surface.")
    return float(threshold_otsu(values))


def surface(grid: Grid, threshold: float, track: Track) -> Mesh:
    """Return the surface of what lies above a threshold; it is closed, even at the borders.

    Marching cubes in its first form, since its triangles always fit those of the next cell. Slabs
    have one layer in common, and each point lies on an edge between two centres of cubes, by which
    slabs are joined exactly.

    Args:
        grid: the scan's values.
        threshold: what lies above it is inside.
        track: reports progress while it passes places of slabs on.

    Raises:
        Unusable: no values or all values lie above the threshold, or the surface is too large.
    """
    field = _scaled(grid.values, threshold)
    step = max(1, SLAB_CELLS // (field.shape[0] * field.shape[1]))
    points, triangles, keys, count = [], [], [], 0
    for begin in track(range(0, field.shape[2] - 1, step)):
        slab = field[:, :, begin : begin + step + 1]
        if np.min(slab) > 0 or np.max(slab) < 0:
            continue
        found, faces, _, _ = marching_cubes(
            slab, 0.0, method="lorensen", gradient_direction="ascent"
        )
        found[:, 2] += begin
        points.append(found)
        keys.append(_edges(found, field.shape))
        triangles.append(faces + count)
        count += len(found)
        if sum(map(len, triangles)) > MAX_TRIANGLES:
            raise Unusable(
                f"The surface has more than {MAX_TRIANGLES:,} triangles; "
                "choose a coarser `resolution`."
            )
    if not points:
        raise Unusable(f"At the threshold {threshold:g}, the scan has no surface.")
    _, first, place = np.unique(np.concatenate(keys), return_index=True, return_inverse=True)
    joined = np.concatenate(points)[first] - 1  # without the layer around all
    return Mesh(joined.astype(np.float32), place[np.concatenate(triangles)].astype(np.int32))


def placed(mesh: Mesh, grid: Grid) -> Mesh:
    """Convert places in a grid to positions in mm."""
    points = grid.origin + (mesh.points.astype(np.float64) * grid.edge) @ grid.directions.T
    is_mirrored = np.linalg.det(grid.directions) < 0
    triangles = mesh.triangles[:, ::-1] if is_mirrored else mesh.triangles
    return Mesh(points.astype(np.float32), np.ascontiguousarray(triangles))


def _scaled(values: "NDArray[np.float32]", threshold: float) -> "NDArray[np.float32]":
    """Return differences from the threshold, in a range in which points stay apart.

    None is nearly zero, so that no two points meet in the centre of a cube. The layer around all
    has the opposite value, so that the surface ends where the outermost cubes end.
    """
    field = np.pad(values - np.float32(threshold), 1, mode="edge")
    usual = float(np.quantile(np.abs(field[::3, ::3, ::3]), 0.99)) or float(np.max(np.abs(field)))
    field /= np.float32(usual or 1)
    np.clip(field, -MAX_DIFFERENCE, MAX_DIFFERENCE, out=field)
    field[np.abs(field) < MIN_DIFFERENCE] = -MIN_DIFFERENCE
    for border in (np.s_[[0, -1]], np.s_[:, [0, -1]], np.s_[:, :, [0, -1]]):
        field[border] = -np.abs(field[border])
    return field


def _edges(points: "NDArray[np.float32]", shape: tuple[int, ...]) -> "NDArray[np.int64]":
    """Return the number of the edge between two centres on which each point lies."""
    whole = np.floor(points).astype(np.int64)
    axis = np.argmax(points - whole, axis=1)
    number: NDArray[np.int64] = np.ravel_multi_index(tuple(whole.T), shape) * 3 + axis
    return number
