"""Recognises text in pictures, with models in the package `rapidocr`; downloads nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from PIL.Image import open as open_image

from examples.documents.formats.content import Block, Bounds, Document
from examples.documents.formats.layout import Piece, in_reading_order

Pages = Literal["all", "scans", "none"]
MAX_SIDE_PIXELS: Final = 8000
TITLE: Final = 1.45
"""Heights of recognised lines vary with their letters; a title is higher by this factor."""


def pieces(picture: Image, scale: float = 1) -> list[Piece]:
    """Recognise the lines of a picture.

    Args:
        picture: any picture.
        scale: the size of a pixel in the result.
    """
    found = _recogniser()(np.asarray(picture.convert("RGB")))
    if found.boxes is None:
        return []
    boxes = np.asarray(found.boxes) * scale
    heights = [float(box[:, 1].max() - box[:, 1].min()) for box in boxes]
    usual = median(heights)
    sizes = [height if height > TITLE * usual else usual for height in heights]
    return [
        Piece(_bounds(box), text, size)
        for box, text, size in zip(boxes, found.txts, sizes, strict=True)
    ]


class Picture:
    """A picture file; each frame, as in TIFF, is a page."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._count = int(getattr(image, "n_frames", 1))

    def __len__(self) -> int:
        """Return the number of frames."""
        return self._count

    def blocks(self, page: int) -> Sequence[Block]:
        """Recognise the text of a frame."""
        picture = self.picture(page)
        whole = Block(kind="image", bounds=(0, 0, float(picture.width), float(picture.height)))
        return [whole, *in_reading_order(pieces(picture))]

    def picture(self, page: int) -> Image:
        """Return a frame."""
        self._image.seek(page)
        picture = self._image.convert("RGB")
        picture.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS))
        return picture


@contextmanager
def opened(path: Path) -> Iterator[Document]:
    """Open a picture file."""
    with open_image(path) as image:
        yield Picture(image)


def _bounds(corners: NDArray[np.float64]) -> Bounds:
    left, top = corners.min(axis=0).round(1).tolist()
    right, bottom = corners.max(axis=0).round(1).tolist()
    return left, top, right, bottom


@cache
def _recogniser() -> Any:
    from rapidocr import RapidOCR  # noqa: PLC0415 — it loads its models

    return RapidOCR(params={"Global.log_level": "critical"})
