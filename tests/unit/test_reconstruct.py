"""A scan becomes a closed mesh of the right volume, and what is no scan is refused."""

import gzip
import io
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL.Image import open as open_image

from callboard import Failure, File
from callboard.jobs.errors import Interruption
from examples.reconstruction.reconstruct import Reconstructed, reconstruct
from examples.reconstruction.volumes.first_look import look
from examples.reconstruction.volumes.volume import Unusable
from tests import sample_scans as samples
from tests.recording_job import RecordingJob

ROOT = Path(__file__).parents[2]
WITHOUT_LIBRARIES = """
import sys
sys.modules.update(dict.fromkeys(("numpy", "nibabel", "pydicom", "skimage", "PIL", "trimesh")))
import examples.reconstruction.reconstruct, examples.reconstruction.volumes.first_look
"""
TWO = samples.balls((40, 30, 30), ((13, 15, 15), 9), ((31, 15, 15), 5))
TWO_MM3 = samples.ball_mm3(9) + samples.ball_mm3(5)


class Scanner:
    """Reconstructs scans that it writes into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.job = RecordingJob()

    def see(self, content: bytes, **chosen: Any) -> Reconstructed:
        path = self.folder / "scan"
        path.write_bytes(content)
        return reconstruct(File.of(path), job=self.job, **chosen)


@pytest.fixture
def scanner(tmp_path: Path) -> Scanner:
    return Scanner(tmp_path)


def mesh(found: Reconstructed, kind: str) -> Any:
    (path,) = [each.path for each in found.files if each.name == f"mesh.{kind}"]
    return trimesh.load(path, file_type=kind, force="mesh")


def test_a_brain_becomes_a_closed_mesh_of_the_volume_of_its_voxels(scanner: Scanner) -> None:
    found = scanner.see(samples.BRAIN.read_bytes(), resolution=3.0)

    report = found.report
    assert report.closed
    assert report.volume_mm3 == pytest.approx(report.voxel_volume_mm3, rel=0.02)
    assert report.volume_mm3 == pytest.approx(samples.BRAIN_MM3, rel=0.02)
    assert report.spacing == [1, 1, 1]
    assert 60_000 < report.surface_mm2 < 150_000
    ply, stl, glb = (mesh(found, kind) for kind in ("ply", "stl", "glb"))
    assert all(each.is_watertight and each.is_winding_consistent for each in (ply, stl, glb))
    assert ply.volume == pytest.approx(report.volume_mm3, rel=1e-4)
    assert stl.volume == pytest.approx(report.volume_mm3, rel=1e-4)
    assert glb.volume == pytest.approx(report.volume_mm3 * 1e-9, rel=1e-4)
    assert np.all(ply.bounds[0] >= [-98.5, -134.5, -72.5])
    assert np.all(ply.bounds[1] <= [98.5, 98.5, 116.5])
    assert glb.extents == pytest.approx(ply.extents[[0, 2, 1]] / 1000, rel=1e-4)
    assert [each.name for each in found.files[3:]] == ["preview.png", "report.json"]
    assert found.files[4].path is not None
    assert json.loads(found.files[4].path.read_text()) == report.model_dump()


def test_a_preview_shows_the_mesh_from_three_sides(scanner: Scanner) -> None:
    found = scanner.see(samples.nifti(TWO), threshold=500.0)

    with open_image(found.files[3].path) as picture:
        pixels = np.asarray(picture).astype(int)
    shown = pixels.max(axis=2) > 60
    front, left, above = np.split(shown, 3, axis=1)
    assert all(0.02 < each.mean() < 0.6 for each in (front, left, above))
    # The larger ball is on the left of the patient, who faces the viewer.
    assert front[:, 210:].sum() > 1.5 * front[:, :210].sum()


def test_progress_is_told_by_slice_and_by_slab(scanner: Scanner) -> None:
    scanner.see(samples.nifti(samples.balls((60, 60, 300), ((30, 30, 150), 20))), resolution=1.0)

    done = scanner.job.done
    assert scanner.job.steps[1:] == [
        "Reading the slices",
        "Finding the surface",
        "Simplifying",
        "Drawing and writing",
    ]
    assert (300, 300) in done["Reading the slices"]
    assert len(done["Finding the surface"]) > 4


@pytest.mark.parametrize("step", ["Reading the slices", "Finding the surface"])
def test_a_cancel_ends_it_between_slices_and_slabs(tmp_path: Path, step: str) -> None:
    scanner = Scanner(tmp_path)
    scanner.job = RecordingJob(cancel_in=step)

    with pytest.raises(Interruption):
        scanner.see(samples.nifti(samples.balls((60, 60, 300), ((30, 30, 150), 20))))

    assert scanner.job.steps[-1] == step


def test_all_pieces_and_cavities_are_kept(scanner: Scanner) -> None:
    values = samples.balls((60, 40, 40), ((20, 20, 20), 15), ((48, 20, 20), 6), ((57, 5, 5), 1.6))
    values = np.minimum(values, 1000 - samples.balls(values.shape, ((20, 20, 20), 7)))

    found = scanner.see(samples.nifti(values), resolution=1.0, reduction=0.9, threshold=500.0)

    hollow = samples.ball_mm3(15) - samples.ball_mm3(7)
    whole = hollow + samples.ball_mm3(6) + samples.ball_mm3(1.6)
    assert (found.report.pieces, found.report.closed) == (4, True)
    assert mesh(found, "ply").body_count == 4
    assert found.report.volume_mm3 == pytest.approx(whole, rel=0.02)


def test_what_touches_the_border_is_closed_there(scanner: Scanner) -> None:
    values = np.full((12, 10, 8), 7, np.int16)
    values[3:5, 3:5, 3:5] = 0

    found = scanner.see(samples.nifti(values), resolution=1.0, threshold=3.5)

    assert (found.report.closed, found.report.pieces) == (True, 2)
    assert found.report.volume_mm3 == pytest.approx(12 * 10 * 8 - 8, rel=0.02)


@pytest.mark.parametrize("kind", ["noise", "mask"])
def test_a_mesh_is_closed_whatever_the_scan_contains(scanner: Scanner, kind: str) -> None:
    values = np.random.default_rng(7).random((20, 20, 20)).astype(np.float32)
    values = (values > 0.6).astype(np.uint8) if kind == "mask" else values

    found = scanner.see(samples.nifti(values), resolution=1.0, reduction=0.5)

    assert found.report.closed
    assert found.report.pieces > 1
    assert mesh(found, "ply").is_watertight


@pytest.mark.parametrize("version", [1, 2])
def test_axes_of_a_scan_may_be_turned_mirrored_and_unequal(scanner: Scanner, version: int) -> None:
    values = samples.balls((40, 20, 15), ((20, 10, 15), 8), spacing=(1, 1, 2))
    turned = np.array([[0, 0, 2, 50], [-1, 0, 0, 7], [0, 1, 0, -30], [0, 0, 0, 1]], float)

    content = gzip.compress(samples.nifti(values, turned, version=version))
    found = scanner.see(content, threshold=500.0)

    assert found.report.spacing == [1, 1, 2]
    # Between slices that are far apart values are interpolated, which flattens the ball a little.
    assert found.report.volume_mm3 == pytest.approx(samples.ball_mm3(8), rel=0.04)
    # The centre of the first voxel is at the origin that the header states.
    centre = [50 + 15 - 1, 7 - (20 - 0.5), -30 + 10 - 0.5]
    assert mesh(found, "stl").centroid == pytest.approx(centre, abs=0.1)


def test_the_distance_of_dicom_slices_comes_from_their_positions(scanner: Scanner) -> None:
    values = samples.balls((40, 36, 14), ((20, 18, 21), 12), spacing=(1, 1, 3))
    files = samples.dicom_slices(values, (1, 1, 3))
    scout = samples.dicom_slices(values[:, :, :2], (1, 1, 3))
    others = {"DICOMDIR": b"-", "report.dcm": samples.shared("test-SR.dcm"), "read.me": b"-"}
    scouts = {f"scout-{name}": content for name, content in scout.items()}

    found = scanner.see(samples.archive({**files, **scouts, **others}), threshold=0.0)

    assert found.report.spacing == [1, 1, 3]
    assert found.report.volume_mm3 == pytest.approx(samples.ball_mm3(12), rel=0.02)
    # DICOM counts to the left and back, the mesh to the right and front.
    assert mesh(found, "ply").centroid == pytest.approx([-19.5, -17.5, 19.5], abs=0.1)
    assert "The largest of 2 series is used." in scanner.job.lines


def test_images_follow_in_the_order_of_their_numbers(scanner: Scanner) -> None:
    values = samples.balls((30, 30, 24), ((15, 15, 12), 10))

    stack = samples.image_stack(values)
    plain = scanner.see(stack, threshold=125.0).report
    spaced = scanner.see(stack, threshold=125.0, spacing=(1.0, 1.0, 2.5)).report

    assert plain.volume_mm3 == pytest.approx(samples.ball_mm3(10), rel=0.02)
    assert plain.spacing == [1, 1, 1]
    assert (plain.pieces, spaced.pieces) == (1, 1)
    assert spaced.volume_mm3 == pytest.approx(2.5 * samples.ball_mm3(10), rel=0.03)


def test_only_the_first_volume_of_several_is_used(scanner: Scanner) -> None:
    several = np.stack([TWO, np.zeros_like(TWO)], axis=3)
    found = scanner.see(samples.nifti(several), threshold=500.0)

    assert found.report.volume_mm3 == pytest.approx(TWO_MM3, rel=0.02)
    assert "Only the first of 2 volumes is used." in scanner.job.lines


SLICES = samples.dicom_slices(TWO, (1, 1, 1))
LAST = min(SLICES)
BAD_SERIES = {
    "a missing slice": (
        samples.dicom_slices(TWO, (1, 1, 1), skipped=[9]),
        "2.00 mm apart instead of",
    ),
    "a truncated slice": ({**SLICES, LAST: SLICES[LAST][:900]}, f"{LAST} is damaged"),
    "a slice of one place twice": ({**SLICES, "copy": SLICES[LAST]}, "have the same position"),
    "a single slice": ({LAST: SLICES[LAST]}, "two voxels or more"),
    "frames": (samples.dicom_slices(TWO, (1, 1, 1), NumberOfFrames=3), "several frames"),
    "no position": (samples.dicom_slices(TWO, (1, 1, 1), ImagePositionPatient=None), "no position"),
    "no spacing": (samples.dicom_slices(TWO, (1, 1, 1), PixelSpacing=None), "no pixel spacing"),
    "colour": ({"a.dcm": samples.shared("SC_rgb_rle.dcm")}, "colour"),
    "a report": ({"a.dcm": samples.shared("test-SR.dcm")}, "no DICOM slices with pixels"),
}


@pytest.mark.parametrize("case", BAD_SERIES)
def test_a_series_that_is_no_volume_is_refused(scanner: Scanner, case: str) -> None:
    files, reason = BAD_SERIES[case]

    with pytest.raises(Failure, match=reason):
        scanner.see(samples.archive(files))


@pytest.mark.parametrize("name", sorted(each.name for each in samples.SHARED.glob("*.dcm")))
def test_no_dicom_file_does_more_than_fail(scanner: Scanner, name: str) -> None:
    files = {"a.dcm": samples.shared(name), "b.dcm": samples.shared(name)}

    with pytest.raises(Failure) as failed:
        scanner.see(samples.archive(files))

    assert str(failed.value).endswith(".")


SINGULAR = samples.nifti(TWO)[:312] + bytes(16) + samples.nifti(TWO)[328:]  # srow_z
BAD_NIFTI = {
    "cut": (samples.nifti(TWO)[:2000], "damaged"),
    "cut and compressed": (gzip.compress(samples.nifti(TWO))[:1500], "damaged"),
    "colours": (samples.nifti(np.zeros((4, 4, 4), [(c, "u1") for c in "RGB"])), "colours"),
    "one value": (samples.nifti(np.ones((4, 4, 4), np.int16)), "same value"),
    "nowhere": (SINGULAR, "singular"),
    "infinite": (samples.nifti(np.full((4, 4, 4), np.inf, np.float32)), "same value"),
}


@pytest.mark.parametrize("case", BAD_NIFTI)
def test_a_nifti_file_that_is_no_scan_is_refused(scanner: Scanner, case: str) -> None:
    content, reason = BAD_NIFTI[case]

    with pytest.raises(Failure, match=reason):
        scanner.see(content)


def test_a_threshold_or_resolution_that_leaves_nothing_or_too_much_is_refused(
    scanner: Scanner,
) -> None:
    with pytest.raises(Failure, match="the scan has no surface"):
        scanner.see(samples.nifti(TWO), threshold=2000.0)
    with pytest.raises(Failure, match=r"choose 0\.1 mm or more"):
        scanner.see(samples.nifti(TWO), resolution=0.01)


def bomb() -> bytes:
    """Two black pictures, which take little room as long as they are compressed."""
    return samples.archive(
        {f"{n}.png": b"\x89PNG\r\n\x1a\n" + bytes(40 * 1024**2) for n in range(2)}
    )


def in_directory(content: bytes, old: bytes, new: bytes) -> bytes:
    """Change what the list of an archive says, and what stands before each of its files."""
    assert len(old) == len(new)
    assert old in content
    return content.replace(old, new)


def with_size(content: bytes, size: int) -> bytes:
    """Have the list of an archive state another size for its first file."""
    at = content.index(b"PK\1\2") + 24
    return content[:at] + struct.pack("<I", size) + content[at + 4 :]


STACK = samples.image_stack(TWO)
ARCHIVE = samples.archive({"a.png": b"\x89PNG\r\n\x1a\n"})
REFUSED = {
    "a bomb that lists itself": (with_size(ARCHIVE, 3 * 1024**3), "3,072 MiB unpacked"),
    "a name above": (samples.archive({"../a.png": b"x"}), "leads outside it"),
    "a name above, as Windows has it": (
        samples.archive({"b\\..\\..\\a.png": b"x"}),
        "leads outside it",
    ),
    "an absolute name": (samples.archive({"/etc/a.png": b"x"}), "leads outside it"),
    "a name with a drive": (samples.archive({"C:/a.png": b"x"}), "leads outside it"),
    "an archive of text": (samples.archive({"a.txt": b"x"}), "neither DICOM slices nor images"),
    "an empty archive": (samples.archive({}), "neither DICOM slices nor images"),
    "half an archive": (STACK[: len(STACK) // 2], "incomplete"),
    "an encrypted archive": (
        in_directory(ARCHIVE, b"\x14\0\0\0\x08\0", b"\x14\0\1\0\x08\0"),
        "encry",
    ),
    "a slice": (SLICES[LAST], "single image"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "single image"),
    "text": (b"Dear all,", "neither NIfTI nor"),
    "nothing": (b"", "neither NIfTI nor"),
    "compressed text": (gzip.compress(b"Dear all,"), "neither NIfTI nor"),
    "a broken gzip file": (b"\x1f\x8b" + bytes(600), "damaged"),
    "a pair": (samples.nifti(TWO).replace(b"n+1\0", b"ni1\0"), "half of a NIfTI pair"),
    "a plane": (samples.nifti(TWO[:, :, 0]), "three dimensions"),
    "a line": (samples.nifti(TWO[:, :1, :1]), "two voxels"),
    "too many voxels": (
        struct.pack("<i36x8h", 348, 3, 2000, 2000, 2000, 1, 1, 1, 1).ljust(344, b"\0")
        + b"n+1\0".ljust(200, b"\0"),
        "2000 by 2000 by 2000",
    ),
}


LARGE: dict[str, Callable[[], tuple[bytes, str]]] = {
    "a bomb": lambda: (bomb(), "80 MiB unpacked"),
    "too many files": lambda: (
        samples.archive({str(place): b"" for place in range(5001)}),
        "too many files",
    ),
}
"""Made only where they are needed."""


@pytest.mark.parametrize("case", [*REFUSED, *LARGE])
def test_a_file_that_is_no_scan_is_refused_at_first_sight(case: str) -> None:
    content, reason = REFUSED[case] if case in REFUSED else LARGE[case]()

    with pytest.raises(Unusable, match=reason):
        look(io.BytesIO(content))


def test_a_first_look_tells_scans_apart() -> None:
    contents = {
        "nifti": gzip.compress(samples.nifti(TWO)),
        "dicom": samples.archive({"preview.png": b"\x89PNG\r\n\x1a\n", **SLICES}),
        "images": STACK,
    }

    assert [look(io.BytesIO(content)) for content in contents.values()] == list(contents)


def test_a_first_look_and_a_submission_need_none_of_the_libraries() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBRARIES], cwd=ROOT, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_more_triangles_than_memory_has_room_for_are_refused(scanner: Scanner) -> None:
    values = np.random.default_rng(7).random((96, 96, 96)).astype(np.float32)

    with pytest.raises(Failure, match="more than 2,500,000 triangles"):
        scanner.see(samples.nifti(values), resolution=1.0)
