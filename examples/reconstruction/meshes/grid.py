"""Resamples a scan to a grid of cubes."""

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse import csr_array

from examples.reconstruction.volumes.volume import Track, Unusable, Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_CUBES: Final = 32 * 1024**2
USUAL_CUBES: Final = 6 * 1024**2


@dataclass(frozen=True)
class Grid:
    """The values of a scan at the centres of cubes.

    Attributes:
        values: an array of (x, y, z).
        edge: the edge length of a cube, in mm.
        directions: the axes as columns of unit length.
        origin: where the centre of the first cube is, in mm.
    """

    values: "NDArray[np.float32]"
    edge: float
    directions: "NDArray[np.float64]"
    origin: "NDArray[np.float64]"

    @property
    def cube(self) -> float:
        """The volume of a cube, in mm³; axes may be oblique."""
        return float(self.edge**3 * abs(np.linalg.det(self.directions)))


def usual_edge(volume: Volume) -> float:
    """Return the edge length that keeps the detail of a scan, or a longer one for large scans."""
    room = float(np.prod(volume.shape) * np.prod(volume.spacing))
    return max(min(volume.spacing), float((room / USUAL_CUBES) ** (1 / 3)))


def resampled(volume: Volume, edge: float, track: Track) -> Grid:
    """Resample a scan slice by slice, so that memory holds one of them and the grid.

    A cube's value is the mean of the voxels near it, weighted by their distance, as in the
    reduction of pictures; where cubes are smaller than voxels, it is interpolated.

    Args:
        volume: the scan.
        edge: the edge length of a cube, in mm.
        track: reports progress while it passes slices on.

    Raises:
        Unusable: the grid would have too many cubes, or a slice is damaged.
    """
    lengths = [count * gap for count, gap in zip(volume.shape, volume.spacing, strict=True)]
    size = [max(2, ceil(length / edge - 1e-6)) for length in lengths]
    if np.prod(size, dtype=float) > MAX_CUBES:
        least = (np.prod(lengths) / MAX_CUBES) ** (1 / 3)
        raise Unusable(
            f"The resolution {edge:g} mm needs too many cubes; choose {least:.2g} mm or more."
        )
    *flat_weights, deep = (
        _weights(count, gap, cubes, edge)
        for count, gap, cubes in zip(volume.shape, volume.spacing, size, strict=True)
    )
    # Sparse, which also keeps the libraries from starting threads on each core for each slice.
    across, down = (csr_array(each) for each in flat_weights)
    values = np.zeros(size, np.float32)
    for place, flat in enumerate(track(volume.read(), volume.shape[2])):
        layer = across @ (down @ flat.T).T
        for cube in np.flatnonzero(deep[:, place]):
            values[:, :, cube] += deep[cube, place] * layer
    first = np.array([(edge - gap) / 2 for gap in volume.spacing])
    return Grid(values, edge, volume.directions, volume.origin + volume.directions @ first)


def _weights(count: int, gap: float, cubes: int, edge: float) -> "NDArray[np.float32]":
    """Return what each voxel adds to each cube along one axis."""
    voxels, centres = (np.arange(count) + 0.5) * gap, (np.arange(cubes) + 0.5) * edge
    centres = np.clip(centres, voxels[0], voxels[-1])
    near = 1 - np.abs(centres[:, None] - voxels[None]) / max(gap, edge)
    weights = np.clip(near, 0, None)
    scaled: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled
