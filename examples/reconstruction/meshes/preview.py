"""Draws a mesh from three sides, without a graphics card."""

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw

from examples.reconstruction.volumes.volume import Track

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from examples.reconstruction.meshes.surface import Mesh

SIDE: Final = 420
MARGIN: Final = 24
VIEWS: Final = (
    ((-1, 0, 0), (0, 0, -1), (0, 1, 0)),  # from the front
    ((0, -1, 0), (0, 0, -1), (-1, 0, 0)),  # from the left
    ((1, 0, 0), (0, -1, 0), (0, 0, 1)),  # from above
)
"""Which way each picture's right, its bottom and its viewer are, in mm."""
LIGHT: Final = np.array([-0.4, -0.6, 0.7]) / np.linalg.norm([-0.4, -0.6, 0.7])
BACKGROUND: Final = (22, 26, 34)
BONE: Final = np.array([232, 222, 200])


def preview(mesh: "Mesh", track: Track) -> Image.Image:
    """Draw a mesh from the front, from the left and from above.

    Args:
        mesh: in mm.
        track: reports progress while it passes the pictures' numbers on.
    """
    picture = Image.new("RGB", (SIDE * len(VIEWS), SIDE), BACKGROUND)
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    points = (mesh.points - (low + high) / 2) * (SIDE - 2 * MARGIN) / float(np.max(high - low) or 1)
    for place in track(range(len(VIEWS))):
        turned = points @ np.array(VIEWS[place], float).T
        view = Image.new("RGB", (SIDE, SIDE), BACKGROUND)
        _draw(ImageDraw.Draw(view), turned[mesh.triangles])
        picture.paste(view, (SIDE * place, 0))
    return picture


def _draw(draw: ImageDraw.ImageDraw, corners: "NDArray[np.float64]") -> None:
    """Draw the triangles that face the viewer, the nearest last."""
    # A picture's axes are left-handed, since its second one points down.
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])
    faces = normals[:, 2] > 0
    corners, normals = corners[faces], normals[faces]
    order = np.argsort(corners[:, :, 2].mean(axis=1))
    corners, normals = corners[order], normals[order]
    bright = normals @ LIGHT / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    colours = (BONE * (0.25 + 0.75 * np.clip(bright, 0, 1))[:, None]).astype(int)
    flat = (corners[:, :, :2] + SIDE / 2).reshape(-1, 6)
    for shape, colour in zip(flat.tolist(), colours.tolist(), strict=True):
        draw.polygon(shape, fill=tuple(colour))
