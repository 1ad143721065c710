"""Writes meshes in the formats that other programs read."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from trimesh import Trimesh

if TYPE_CHECKING:
    from examples.reconstruction.meshes.surface import Mesh

METRES: Final = np.array([[0.001, 0, 0, 0], [0, 0, 0.001, 0], [0, -0.001, 0, 0], [0, 0, 0, 1]])
"""glTF counts in metres, and its second axis points up (glTF 2.0, section 3.4)."""


def write(mesh: "Mesh", file: Callable[[str, str], Path]) -> None:
    """Write `mesh.ply` and `mesh.stl` in millimetres, and `mesh.glb` in metres.

    Args:
        mesh: in mm.
        file: makes a file of a name and a media type, and returns its path.
    """
    made = Trimesh(mesh.points, mesh.triangles, process=False)
    made.export(file("mesh.ply", "model/ply"), file_type="ply")
    made.export(file("mesh.stl", "model/stl"), file_type="stl")
    made.apply_transform(METRES)
    made.export(file("mesh.glb", "model/gltf-binary"), file_type="glb")
