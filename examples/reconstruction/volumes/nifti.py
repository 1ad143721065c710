"""Reads NIfTI, compressed or not."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from io import IOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from nibabel import Nifti1Image, Nifti2Image

from examples.reconstruction.volumes.volume import Unusable, Volume

if TYPE_CHECKING:
    from examples.reconstruction.volumes.volume import Slice

UNITS: Final = {"meter": 1000.0, "micron": 0.001}


@contextmanager
def opened(path: Path) -> Iterator[Volume]:
    """Open a scan.

    Raises:
        Unusable: its values are not real numbers, or its header does not place them.
    """
    with _content(path) as content:
        image = _image(content)
        if image.get_data_dtype().kind not in "iuf":
            raise Unusable("The voxels are colours or complex numbers; send a scalar image.")
        shape = image.shape[:3]
        unit = UNITS.get(image.header.get_xyzt_units()[0], 1.0)
        axes, origin = image.affine[:3, :3] * unit, image.affine[:3, 3] * unit
        spacing = np.linalg.norm(axes, axis=0)
        if not np.all(np.isfinite(image.affine)) or abs(np.linalg.det(axes)) < 1e-9:  # noqa: PLR2004
            raise Unusable(
                "The header does not place the voxels: its affine is singular or not finite."
            )
        volumes = int(np.prod(image.shape[3:]))
        yield Volume(
            shape=shape,
            spacing=tuple(float(each) for each in spacing),  # type: ignore[arg-type]  # three
            directions=axes / spacing,
            origin=origin,
            read=lambda: _slices(image, shape[2]),
            notes=(f"Only the first of {volumes} volumes is used.",) if volumes > 1 else (),
        )


def _content(path: Path) -> IOBase:
    with path.open("rb") as file:
        is_compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if is_compressed else path.open("rb")


def _image(content: IOBase) -> Any:
    size = content.read(4)
    content.seek(0)
    is_second = int.from_bytes(size, "little") == 540 or int.from_bytes(size, "big") == 540  # noqa: PLR2004
    return (Nifti2Image if is_second else Nifti1Image).from_stream(content)


def _slices(image: Any, count: int) -> "Iterator[Slice]":
    rest = (0,) * (len(image.shape) - 3)
    for place in range(count):
        yield np.nan_to_num(np.asarray(image.dataobj[:, :, place, *rest], np.float32))
