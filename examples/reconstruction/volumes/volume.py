"""A scan of any format."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Slice = NDArray[np.float32]
    Matrix = NDArray[np.float64]

MAX_VOXELS: Final = 512**3
"""How many voxels a scan may have; slices are read one by one, so this bounds the time."""

Spacing = tuple[float, float, float]
Item = TypeVar("Item")


class Unusable(ValueError):
    """The scan cannot be reconstructed as requested; the message tells its owner why."""


class Track(Protocol):
    """Passes items on and reports how many are done, as `Job.track` does."""

    def __call__(self, items: Iterable[Item], total: int | None = None) -> Iterator[Item]:
        """Pass items on."""


@dataclass(frozen=True)
class Volume:
    """A scan whose slices are read one after another.

    Attributes:
        shape: how many voxels along x and y of a slice, and how many slices.
        spacing: the distances between voxels along these axes, in mm.
        directions: the axes as columns of unit length; to the right, front and head of a patient.
        origin: where the centre of the first voxel is, in mm.
        read: reads the slices in their order, each an array of (x, y).
        notes: what the owner should know.
    """

    shape: tuple[int, int, int]
    spacing: Spacing
    directions: "Matrix"
    origin: "Matrix"
    read: "Callable[[], Iterator[Slice]]"
    notes: tuple[str, ...] = ()


def check_shape(shape: tuple[int, int, int]) -> None:
    """Refuse a scan that is too large, or is not a volume.

    Raises:
        Unusable: it has fewer than two or too many voxels along an axis, or too many in all.
    """
    wide, high, deep = shape
    if min(shape) < 2:  # noqa: PLR2004 — a surface needs two
        raise Unusable(
            f"A scan needs two voxels or more along each axis, not {wide} by {high} by {deep}."
        )
    if wide * high * deep > MAX_VOXELS:
        raise Unusable(
            f"The scan has {wide} by {high} by {deep} voxels, more than {MAX_VOXELS:,} in all."
        )
