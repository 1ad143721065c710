"""Reduces the triangles of a mesh, which stays closed and keeps its pieces and its volume."""

from typing import TYPE_CHECKING, Final

import fast_simplification
import numpy as np

from examples.reconstruction.meshes.measures import is_closed, pieces_of, volume_of
from examples.reconstruction.meshes.surface import Mesh
from examples.reconstruction.volumes.volume import Track

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Triangles = NDArray[np.int32]

SMALL: Final = 200
"""Pieces with at most this many triangles are not simplified."""
TOLERANCE: Final = 0.005
"""The share of its volume by which a piece may change."""


def simplified(mesh: Mesh, reduction: float, track: Track) -> Mesh:
    """Return a mesh with fewer triangles.

    Each piece is simplified by itself (quadric edge collapse). One that would be open then, or have
    another volume, is reduced less, or stays as it is.

    Args:
        mesh: a closed mesh.
        reduction: the share of the triangles to remove.
        track: reports progress while it passes pieces on.
    """
    count, piece_of = pieces_of(mesh)
    in_order = np.argsort(piece_of, kind="stable")
    sizes = np.bincount(piece_of, minlength=count)
    pieces = np.split(mesh.triangles[in_order], np.cumsum(sizes)[:-1])
    large = [each for each in pieces if len(each) > SMALL]
    small = [each for each in pieces if len(each) <= SMALL]
    done = [_cut_out(mesh, np.concatenate(small))] if small else []
    done += (_simplified_piece(_cut_out(mesh, each), reduction) for each in track(large))
    return _together(done)


def _simplified_piece(piece: Mesh, reduction: float) -> Mesh:
    volume = volume_of(piece)
    for share in (reduction, reduction / 2):
        if not share:
            break
        found = Mesh(*fast_simplification.simplify(*piece, target_reduction=share))
        if is_closed(found) and abs(volume_of(found) - volume) <= TOLERANCE * abs(volume):
            return found
    return piece


def _cut_out(mesh: Mesh, triangles: "Triangles") -> Mesh:
    used, places = np.unique(triangles, return_inverse=True)
    return Mesh(mesh.points[used], places.reshape(-1, 3).astype(np.int32))


def _together(meshes: list[Mesh]) -> Mesh:
    starts = np.cumsum([0, *(len(each.points) for each in meshes)])
    triangles = [each.triangles + start for each, start in zip(meshes, starts, strict=False)]
    return Mesh(
        np.concatenate([each.points for each in meshes]),
        np.concatenate(triangles).astype(np.int32),
    )
