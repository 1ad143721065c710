"""Opens a scan of any format, by its content."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from examples.reconstruction.volumes import dicom, nifti, stack
from examples.reconstruction.volumes.first_look import look
from examples.reconstruction.volumes.volume import Spacing, Unusable, Volume

if TYPE_CHECKING:
    from examples.reconstruction.volumes.volume import Slice


@contextmanager
def opened(path: Path, spacing: Spacing | None = None) -> Iterator[Volume]:
    """Open a scan.

    Args:
        path: the path of the file.
        spacing: the distances between voxels, in mm; overrides those in the file.

    Raises:
        Unusable: the file is damaged or not a scan; also raised while its slices are read.
    """
    with path.open("rb") as content:
        kind = look(content)
    openers = {
        "nifti": lambda: nifti.opened(path),
        "dicom": lambda: dicom.opened(path, spacing),
        "images": lambda: stack.opened(path),
    }
    with ExitStack() as files:
        try:
            volume = files.enter_context(openers[kind]())
        except (Unusable, MemoryError):
            raise
        except Exception as error:  # the libraries raise any exception for a damaged file
            raise _damaged(error) from error
        yield replace(volume, spacing=spacing or volume.spacing, read=lambda: _read(volume))


def _read(volume: Volume) -> "Iterator[Slice]":
    slices = volume.read()
    while True:
        try:
            yield next(slices)
        except StopIteration:
            return
        except (Unusable, MemoryError):
            raise
        except Exception as error:  # the libraries raise any exception for a damaged file
            raise _damaged(error) from error


def _damaged(error: Exception) -> Unusable:
    return Unusable(f"The file is damaged ({type(error).__name__}: {str(error)[:200]}).")
