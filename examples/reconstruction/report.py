"""The report on a reconstruction."""

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from examples.reconstruction.meshes.grid import Grid
    from examples.reconstruction.meshes.surface import Mesh
    from examples.reconstruction.volumes.volume import Volume


class Report(BaseModel):
    """Measurements of the mesh, and the values used to make it."""

    volume_mm3: float
    surface_mm2: float
    voxel_volume_mm3: Annotated[
        float, Field(description="the volume of the cubes above the threshold")
    ]
    closed: Annotated[bool, Field(description="whether each edge belongs to exactly two triangles")]
    pieces: Annotated[int, Field(description="separate surfaces, including those of cavities")]
    triangles: int
    threshold: float
    spacing: Annotated[list[float], Field(description="the distances between voxels, in mm")]
    resolution: Annotated[float, Field(description="the edge length of the cubes, in mm")]


def measured(mesh: "Mesh", grid: "Grid", threshold: float, scan: "Volume") -> Report:
    """Measure a mesh in mm, and the grid of which it is the surface."""
    from examples.reconstruction.meshes.measures import area_of, is_closed, pieces_of, volume_of  # noqa: PLC0415

    return Report(
        volume_mm3=volume_of(mesh),
        surface_mm2=area_of(mesh),
        voxel_volume_mm3=float((grid.values > threshold).sum()) * grid.cube,
        closed=is_closed(mesh),
        pieces=pieces_of(mesh)[0],
        triangles=len(mesh.triangles),
        threshold=threshold,
        spacing=list(scan.spacing),
        resolution=grid.edge,
    )
