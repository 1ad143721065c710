"""Reads a DICOM series from a zip archive."""

import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_modality_lut

from examples.reconstruction.volumes.first_look import is_dicom, members
from examples.reconstruction.volumes.volume import Spacing, Unusable, Volume, check_shape

if TYPE_CHECKING:
    from pydicom import Dataset

    from examples.reconstruction.volumes.volume import Matrix, Slice

TO_RIGHT_FRONT_HEAD: Final = np.array([-1.0, -1.0, 1.0])
"""DICOM counts to the left and back of a patient (PS3.3, C.7.6.2.1.1)."""
TOLERANCE: Final = 0.1
"""How far a slice may be out of place, as a share of the usual distance."""


@dataclass(frozen=True)
class Header:
    """The metadata of a slice."""

    member: zipfile.ZipInfo
    series: str
    size: tuple[int, int]
    spacing: tuple[float, float] | None
    position: "Matrix"
    axes: "Matrix"

    @property
    def depth(self) -> float:
        """Where the slice is along the series' axis, in mm."""
        return float(self.position @ np.cross(self.axes[0], self.axes[1]))


@contextmanager
def opened(path: Path, given: Spacing | None) -> Iterator[Volume]:
    """Open the series with the most slices.

    Args:
        path: the path of the archive.
        given: the distances between voxels, which override those in the slices.

    Raises:
        Unusable: a slice is damaged, or the slices do not form a volume.
    """
    with zipfile.ZipFile(path) as archive:
        found: dict[str, list[Header]] = defaultdict(list)
        for member in members(archive):
            header = _header(archive, member)
            if header is not None:
                found[header.series].append(header)
        if not found:
            raise Unusable("The archive contains no DICOM slices with pixels.")
        largest = max(found.values(), key=len)
        series = sorted(largest, key=lambda each: each.depth)
        gap, first, others = _gap(series), series[0], len(found) - 1
        check_shape((*first.size, len(series)))
        across, down = first.spacing or (given or (0.0, 0.0))[:2]
        if not across or not down:
            raise Unusable(f"{first.member.filename} has no pixel spacing; send `spacing`.")
        axes = np.array([*first.axes, np.cross(*first.axes)]).T
        yield Volume(
            shape=(*first.size, len(series)),
            spacing=(across, down, gap),
            directions=axes * TO_RIGHT_FRONT_HEAD[:, None],
            origin=first.position * TO_RIGHT_FRONT_HEAD,
            read=lambda: (_pixels(archive, each.member) for each in series),
            notes=(f"The largest of {others + 1} series is used.",) if others else (),
        )


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header | None:
    """Read the metadata of a member; None if it is not a slice."""
    name = member.filename
    with archive.open(member) as file:
        if not is_dicom(name, file.read(132)):
            return None
        file.seek(0)
        try:
            data = dcmread(file, stop_before_pixels=True, force=name.lower().endswith(".dcm"))
            if "Rows" not in data or "Columns" not in data:
                return None
            _refuse_others(name, data)
            return _parsed(member, data)
        except Unusable:
            raise
        except Exception as error:  # the library raises any exception for a damaged file
            raise Unusable(f"{name} is damaged ({_short(error)}).") from error


def _refuse_others(name: str, data: "Dataset") -> None:
    if int(data.get("NumberOfFrames") or 1) > 1:
        raise Unusable(f"{name} has several frames; send each slice as a file of its own.")
    if not str(data.get("PhotometricInterpretation") or "").startswith("MONOCHROME"):
        raise Unusable(f"{name} is in colour; send greyscale slices.")
    if not data.get("ImagePositionPatient"):
        raise Unusable(f"{name} has no position (ImagePositionPatient).")


def _parsed(member: zipfile.ZipInfo, data: "Dataset") -> Header:
    spacing = data.get("PixelSpacing")  # rows come first (PS3.3, 10.7.1.3)
    axes = np.array(data.get("ImageOrientationPatient") or (1, 0, 0, 0, 1, 0), float)
    return Header(
        member=member,
        series=str(data.get("SeriesInstanceUID", "")),
        size=(int(data.Columns), int(data.Rows)),
        spacing=(float(spacing[1]), float(spacing[0])) if spacing else None,
        position=np.array(data.ImagePositionPatient, float),
        axes=axes.reshape(2, 3),
    )


def _gap(series: Sequence[Header]) -> float:
    """Return the distance between slices, from their positions."""
    first = series[0]
    for each in series:
        if each.size != first.size or not np.allclose(each.axes, first.axes, atol=1e-3):
            raise Unusable(
                f"{each.member.filename} differs in size or orientation from other slices."
            )
    gaps = np.diff([each.depth for each in series])
    usual = float(np.median(gaps)) if len(gaps) else 0.0
    for before, after, gap in zip(series, series[1:], gaps, strict=False):
        names = f"{before.member.filename} and {after.member.filename}"
        if gap < 1e-3:  # noqa: PLR2004 — a micrometre
            raise Unusable(f"{names} have the same position.")
        if abs(gap - usual) > TOLERANCE * usual:
            raise Unusable(f"{names} are {gap:.2f} mm apart instead of {usual:.2f} mm.")
    return usual


def _pixels(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> "Slice":
    try:
        is_forced = member.filename.lower().endswith(".dcm")
        data = dcmread(BytesIO(archive.read(member)), force=is_forced)
        values: Any = apply_modality_lut(data.pixel_array, data)
    except Exception as error:  # the library raises any exception for a damaged file
        raise Unusable(f"{member.filename} is damaged ({_short(error)}).") from error
    return np.asarray(values, np.float32).T


def _short(error: Exception) -> str:
    kind = "not DICOM" if isinstance(error, InvalidDicomError) else str(error).partition("\n")[0]
    return (kind or type(error).__name__)[:200]
