"""Detects the format of a scan from its first bytes, or its archive's directory; refuses others."""
# Web does this too while a file arrives, so this module needs only Python, and takes a moment.

import gzip
import re
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import BinaryIO, Final, Literal

from examples.reconstruction.volumes.volume import Unusable, check_shape

Kind = Literal["nifti", "dicom", "images"]

MAX_MEMBERS: Final = 5000
MAX_DIRECTORY_BYTES: Final = 2 * 1024**2
MAX_UNPACKED_BYTES: Final = 2 * 1024**3
MAX_RATIO: Final = 200
FREE_BYTES: Final = 64 * 1024**2
"""Below this, archives may be compressed to any ratio, as those of black images are."""

NIFTI_BYTES: Final = 540
DICOM_AT: Final = 128
IMAGES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM")
JUNK: Final = re.compile(r"(?:^|/)(?:__MACOSX/|\.|Thumbs\.db$|DICOMDIR$)")
END: Final = b"PK\5\6"
TAIL_BYTES: Final = 22 + 65535
IS_ENCRYPTED: Final = 1


def look(content: BinaryIO) -> Kind:
    """Return what a file contains.

    Raises:
        Unusable: it is not a scan, or is an archive that must not be unpacked.
    """
    head = content.read(NIFTI_BYTES)
    if head.startswith(b"\x1f\x8b"):
        content.seek(0)
        head = _inflated(content)
    if _is_nifti(head):
        return "nifti"
    if head.startswith((b"PK\3\4", END)):
        return _look_into_archive(content)
    if head[DICOM_AT : DICOM_AT + 4] == b"DICM" or head.startswith(IMAGES):
        raise Unusable("This is a single image; send all slices of a scan in a zip archive.")
    raise Unusable("This is neither NIfTI nor a zip archive of DICOM slices or images.")


def members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files in an archive, without those that operating systems add."""
    return [
        each
        for each in archive.infolist()
        if not each.is_dir() and each.file_size and not JUNK.search(each.filename)
    ]


def is_dicom(name: str, head: bytes) -> bool:
    """Return whether a file is DICOM, by its mark; where that is missing, by its name."""
    return head[DICOM_AT : DICOM_AT + 4] == b"DICM" or name.lower().endswith(".dcm")


def _inflated(content: BinaryIO) -> bytes:
    try:
        return gzip.GzipFile(fileobj=content).read(NIFTI_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise Unusable("The compressed file is damaged.") from error


def _is_nifti(head: bytes) -> bool:
    """Return whether this is the header of a NIfTI file (its size, its mark and its shape)."""
    head = head.ljust(NIFTI_BYTES, b"\0")
    for order in "<>":
        (size,) = struct.unpack_from(f"{order}i", head)
        if size == 348 and head[344:348] in (b"n+1\0", b"ni1\0"):  # noqa: PLR2004 — NIfTI-1
            if head[344:348] == b"ni1\0":
                raise Unusable("This is half of a NIfTI pair; send a single .nii file.")
            dimensions = struct.unpack_from(f"{order}8h", head, 40)
        elif size == 540 and head[4:8] == b"n+2\0":  # noqa: PLR2004 — NIfTI-2
            dimensions = struct.unpack_from(f"{order}8q", head, 16)
        else:
            continue
        if not 3 <= dimensions[0] <= 7:  # noqa: PLR2004 — as the format says
            raise Unusable(f"A scan has three dimensions; this file has {dimensions[0]}.")
        check_shape(dimensions[1:4])
        return True
    return False


def _look_into_archive(content: BinaryIO) -> Kind:
    _check_directory(content)
    try:
        with zipfile.ZipFile(content) as archive:
            _check_members(archive.infolist(), content.seek(0, 2))
            found = {_kind(archive, each) for each in members(archive)}
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        OSError,
        EOFError,
        zlib.error,
    ) as error:
        raise Unusable(f"The archive is damaged ({error}).") from error
    if "dicom" in found:
        return "dicom"
    if "images" in found:
        return "images"
    raise Unusable("The archive contains neither DICOM slices nor images.")


def _check_directory(content: BinaryIO) -> None:
    """Refuse an archive whose list alone would take long to read (APPNOTE, section 4.3.16)."""
    content.seek(max(0, content.seek(0, 2) - TAIL_BYTES))
    tail = content.read()
    end = tail.rfind(END)
    if end < 0 or end + 22 > len(tail):
        raise Unusable("The archive is incomplete.")
    count, size = struct.unpack_from("<HI", tail, end + 10)
    if count > MAX_MEMBERS or size > MAX_DIRECTORY_BYTES:
        raise Unusable(f"The archive has too many files; at most {MAX_MEMBERS} are accepted.")


def _check_members(infos: list[zipfile.ZipInfo], size: int) -> None:
    for each in infos:
        path = PurePosixPath(each.orig_filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", str(path)):
            raise Unusable(f"A path in the archive leads outside it: {each.filename[:80]!r}.")
        if each.flag_bits & IS_ENCRYPTED:
            raise Unusable("The archive is encrypted; send it without a password.")
    unpacked = sum(each.file_size for each in infos)
    if unpacked > MAX_UNPACKED_BYTES or unpacked > max(FREE_BYTES, MAX_RATIO * size):
        raise Unusable(f"The archive is too large: {unpacked / 1024**2:,.0f} MiB unpacked.")


def _kind(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Kind | None:
    with archive.open(member) as file:
        head = file.read(DICOM_AT + 4)
    if is_dicom(member.filename, head):
        return "dicom"
    return "images" if head.startswith(IMAGES) else None
