"""Scans as users have them, with known content."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import nibabel
import numpy as np
import pydicom.data
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

BRAIN: Final = Path(
    str(
        distribution("nilearn").locate_file(
            "nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
        )
    )
)
"""A brain that a package ships: the mean of 152 people (MNI152), voxels of 1 mm."""
BRAIN_MM3: Final = 1_840_888
"""The volume of its voxels above Otsu's threshold."""
SHARED: Final = Path(pydicom.data.__file__).parent / "test_files"
"""The DICOM files of a package, many of them broken."""


def balls(
    shape: tuple[int, int, int],
    *given: tuple[tuple[float, float, float], float],
    spacing: Sequence[float] = (1, 1, 1),
) -> Any:
    """Values of 1000 inside of balls (centre and radius in mm) and of 0 outside, with a slope."""
    places = [(np.arange(count) + 0.5) * gap for count, gap in zip(shape, spacing, strict=True)]
    grid = np.stack(np.meshgrid(*places, indexing="ij"), axis=-1)
    depth = np.max([radius - np.linalg.norm(grid - at, axis=-1) for at, radius in given], axis=0)
    return np.clip(500 + 150 * depth, 0, 1000).astype(np.int16)


def ball_mm3(radius: float) -> float:
    return float(4 / 3 * np.pi * radius**3)


def nifti(values: Any, affine: Any = None, *, version: int = 1) -> bytes:
    kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    return kind(values, np.eye(4) if affine is None else affine).to_bytes()


def archive(files: Mapping[str, bytes], *, stored: bool = False) -> bytes:
    content = io.BytesIO()
    kind = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(content, "w", kind) as opened:
        for name, body in files.items():
            opened.writestr(name, body)
    return content.getvalue()


def image_stack(values: Any) -> bytes:
    """Images named `slice-1.png`, `slice-2.png`, …, in another order within the archive."""
    files = {}
    for place in reversed(range(values.shape[2])):
        content = io.BytesIO()
        Image.fromarray((values[:, :, place].T / 4).astype(np.uint8)).save(content, "PNG")
        files[f"slice-{place + 1}.png"] = content.getvalue()
    return archive(
        {**files, "__MACOSX/._slice-1.png": b"of an operating system", "notes.txt": b"-"}
    )


def dicom_slices(
    values: Any, spacing: Sequence[float], *, skipped: Sequence[int] = (), **fields: Any
) -> dict[str, bytes]:
    """The slices of a CT by name, head first; the stated thickness of each is wrong."""
    series, files = generate_uid(), {}
    for place in range(values.shape[2]):
        if place in skipped:
            continue
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
        data.SeriesInstanceUID, data.Modality = series, "CT"
        data.Columns, data.Rows = values.shape[:2]
        data.PixelSpacing = [spacing[1], spacing[0]]
        data.SliceThickness = 99
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.ImagePositionPatient = [0, 0, spacing[2] * place]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.PixelRepresentation, data.RescaleIntercept, data.RescaleSlope = 1, -1000, 2
        data.PixelData = np.ascontiguousarray(values[:, :, place].T).tobytes()
        for name, value in fields.items():
            setattr(data, name, value)
        content = io.BytesIO()
        data.save_as(content, enforce_file_format=True)
        files[f"IM{1000 - place}"] = content.getvalue()
    return files


def shared(name: str) -> bytes:
    return (SHARED / name).read_bytes()
