"""Reads a stack of images from a zip archive."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from examples.reconstruction.volumes.first_look import IMAGES, members
from examples.reconstruction.volumes.volume import Unusable, Volume, check_shape

if TYPE_CHECKING:
    from examples.reconstruction.volumes.volume import Slice

FORMATS: Final = ("PNG", "JPEG", "TIFF", "BMP")
GREY: Final = ("L", "I", "F", "I;16", "I;16B", "I;16L")


@contextmanager
def opened(path: Path) -> Iterator[Volume]:
    """Open a stack of images, in the order of the numbers in their names, 1 mm apart.

    Raises:
        Unusable: an image is damaged, or the images differ in size.
    """
    with zipfile.ZipFile(path) as archive:
        names = sorted((each.filename for each in _images(archive)), key=in_numeric_order)
        sizes = {name: _size(archive, name) for name in names}
        first = sizes[names[0]]
        for name, size in sizes.items():
            if size != first:
                raise Unusable(f"{name} and {names[0]} differ in size: {size} and {first} pixels.")
        shape = (*first, len(names))
        check_shape(shape)
        yield Volume(
            shape=shape,
            spacing=(1.0, 1.0, 1.0),
            directions=np.eye(3),
            origin=np.zeros(3),
            read=lambda: (_pixels(archive, name) for name in names),
        )


def in_numeric_order(name: str) -> list[tuple[int, str]]:
    """Return the sort key of a name, so that `slice-10` comes after `slice-9`."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in re.split(r"(\d+)", name.lower())
    ]


def _images(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    for member in members(archive):
        with archive.open(member) as file:
            if file.read(8).startswith(IMAGES):
                yield member


def _size(archive: zipfile.ZipFile, name: str) -> tuple[int, int]:
    with archive.open(name) as file, _opened(file, name) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise Unusable(f"{name} has several pages; send each as an image of its own.")
        return image.size


def _pixels(archive: zipfile.ZipFile, name: str) -> "Slice":
    with archive.open(name) as file, _opened(file, name) as image:
        try:
            grey = image if image.mode in GREY else image.convert("L")
            return np.asarray(grey, np.float32).T
        except Exception as error:  # the library raises any exception for a damaged file
            raise Unusable(f"{name} is damaged ({error}).") from error


def _opened(file: IO[bytes], name: str) -> Image.Image:
    try:
        return Image.open(file, formats=FORMATS)
    except Exception as error:  # the library raises any exception for a damaged file
        raise Unusable(f"{name} is damaged ({error}).") from error
